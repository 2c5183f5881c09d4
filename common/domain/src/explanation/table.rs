//! The tables in `docs/PREFERENCES.md`: what happens, for each kind of category, channel and setting. Made by the functions
//! that decide.

mod precedence;
mod settings;

use std::fmt::Write as _;
use std::path::Path;

use self::precedence::precedence;
use self::settings::{end, now, settings};
use super::{CategoryFacts, CategoryState, Outcome, RecipientState, Situation};
use crate::category::{CategoryKind, QuietRule};
use crate::decision::LimitState;
use crate::digest::DigestMode;
use crate::link_rule::LinkRule;
use crate::notification::Channel;
use crate::preference::Choices;
use crate::time::{DeliveryWindow, QuietChannels};

const FILE: &str = "docs/PREFERENCES.md";
const BEGIN: &str = "<!-- Generated: UPDATE=1 cargo test -p tidings-domain generated -->\n";
const END: &str = "<!-- End of what is generated -->\n";

/// The columns: no category, and each kind.
const KINDS: [Option<CategoryKind>; 4] = [
    Some(CategoryKind::Critical),
    None,
    Some(CategoryKind::Transactional),
    Some(CategoryKind::Marketing),
];

fn category(kind: Option<CategoryKind>) -> CategoryState {
    kind.map_or(CategoryState::None, |kind| {
        CategoryState::Known(CategoryFacts {
            kind,
            quiet: QuietRule::Obey,
            default: None,
            unsubscribe: false,
        })
    })
}

/// Without a category, nothing can be chosen about it.
fn without_its_choices(mut situation: Situation) -> Situation {
    if situation.category == CategoryState::None {
        situation.choices = Choices {
            exact: None,
            category: None,
            ..situation.choices
        };
    }
    situation
}

fn shown(outcome: Outcome) -> String {
    match outcome {
        Outcome::Send => "sent".to_owned(),
        Outcome::Refuse(code) => format!("400 `{code}`"),
        Outcome::Hold { reason, .. } => format!("waits: `{reason}`"),
        Outcome::Suppress(reason) => format!("`suppressed`: `{}`", reason.as_str()),
        Outcome::Cancel => "`cancelled`".to_owned(),
        Outcome::Expire => "`expired`".to_owned(),
        Outcome::DeadLetter(reason) => format!("dead letter `{reason}`"),
    }
}

/// What happens for each kind of category and setting.
fn by_setting() -> String {
    let mut text = "| what is set | critical | no category | transactional | marketing | why |\n\
                    | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for setting in settings() {
        let cell = |kind: Option<CategoryKind>| {
            let mut situation = Situation::free(setting.channel, category(kind));
            (setting.set)(&mut situation);
            shown(without_its_choices(situation).outcome(now()).0)
        };
        let cells = KINDS.map(cell).join(" | ");
        let _ = writeln!(text, "| {} | {cells} | {} |", setting.name, setting.why);
    }
    text
}

/// What a cell of the table by channel says.
type Cell<'a> = &'a dyn Fn(Channel) -> String;

/// What happens by each channel, for a category that is not critical.
fn by_channel() -> String {
    let marketing = |channel| Situation::free(channel, category(Some(CategoryKind::Marketing)));
    let transactional =
        |channel| Situation::free(channel, category(Some(CategoryKind::Transactional)));
    let outcome = |situation: Situation| shown(situation.outcome(now()).0);
    let all_quiet = || QuietChannels::read(["push", "sms", "email"]).expect("all of them");
    let rows: [(&str, Cell<'_>); 7] = [
        ("refused by the recipient", &|channel| {
            let mut one = transactional(channel);
            one.choices.all = Some(false);
            outcome(one)
        }),
        ("collected to a digest", &|channel| {
            let mut one = transactional(channel);
            one.digest = DigestMode::Daily;
            outcome(one)
        }),
        (
            "it is quiet, and the user has not chosen the channels",
            &|channel| {
                let mut one = transactional(channel);
                one.quiet_until = Some(end());
                outcome(one)
            },
        ),
        ("… and has chosen all that are possible", &|channel| {
            let mut one = transactional(channel);
            one.quiet_until = Some(end());
            one.quiet_channels = all_quiet();
            outcome(one)
        }),
        ("a limit is reached", &|channel| {
            let mut one = transactional(channel);
            one.throttle = LimitState::Reached;
            outcome(one)
        }),
        ("an operator has stopped all channels", &|channel| {
            let mut one = transactional(channel);
            one.is_stopped = true;
            outcome(one)
        }),
        ("URL to unsubscribe: marketing, transactional", &|channel| {
            let rule = |situation: &Situation| match situation.link_rule() {
                None => "–",
                Some(LinkRule::Never) => "never",
                Some(LinkRule::Given) => "that of the payload",
                Some(LinkRule::Wanted) => "always if possible",
                Some(LinkRule::Required) => "always",
            };
            let rules = [marketing(channel), transactional(channel)].map(|one| rule(&one));
            if rules[0] == rules[1] {
                rules[0].to_owned()
            } else {
                rules.join(", ")
            }
        }),
    ];
    let names = Channel::ALL.map(Channel::as_str).join(" | ");
    let mut text = format!(
        "| what is set | {names} |\n| --- |{}\n",
        " --- |".repeat(Channel::ALL.len())
    );
    for (name, cell) in rows {
        let cells = Channel::ALL.map(cell).join(" | ");
        let _ = writeln!(text, "| {name} | {cells} |");
    }
    text
}

fn page() -> String {
    format!(
        "{BEGIN}\nEach row sets one thing for a text message, unless it says otherwise:\n\n{}\n\
         By channel, for a category that is not critical:\n\n{}\n\
         The choices of a recipient about a category that is not critical, and the one that decides:\n\n{}\n{END}",
        by_setting(),
        by_channel(),
        precedence()
    )
}

#[test]
fn generated_tables_of_what_happens() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(FILE);
    let file = std::fs::read_to_string(&path).expect("a text file");
    let (before, rest) = file.split_once(BEGIN).expect("the begin of the tables");
    let (_, after) = rest.split_once(END).expect("the end of the tables");
    let expected = format!("{before}{}{after}", page());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &expected).expect("written");
        return;
    }
    assert!(
        file == expected,
        "{FILE} differs from what is decided: UPDATE=1 cargo test -p tidings-domain generated"
    );
}

/// A row of the table at the top of the design of choices, which is written by hand.
#[test]
fn only_critical_categories_are_exempt() {
    for setting in settings() {
        let outcome = |kind| {
            let mut situation = Situation::free(setting.channel, category(kind));
            (setting.set)(&mut situation);
            without_its_choices(situation).outcome(now()).0
        };
        let situation = {
            let mut one = Situation::free(Channel::Sms, CategoryState::None);
            (setting.set)(&mut one);
            one
        };
        // The stop switch, a cancellation, the expiry, a deleted user and a missing address concern everything.
        let concerns_all = situation.is_stopped
            || situation.is_cancelled
            || situation.window != DeliveryWindow::default()
            || situation.recipient == RecipientState::Gone
            || !situation.has_contact;
        let critical = outcome(Some(CategoryKind::Critical));
        assert_eq!(critical != Outcome::Send, concerns_all, "{}", setting.name);
    }
}
