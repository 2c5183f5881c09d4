//! The table of choices and the one that decides.

use std::fmt::Write as _;

use crate::category::CategoryKind;
use crate::preference::{Because, Choices, Place};

/// The combinations of two choices that mean the same: a name, and which they are.
type Combinations = (&'static str, fn(Option<bool>, Option<bool>) -> bool);

const ABOUT_CATEGORY: [Combinations; 5] = [
    ("nothing", |exact, all| exact.is_none() && all.is_none()),
    ("wants it on the channel", |exact, all| {
        exact == Some(true) && all != Some(false)
    }),
    ("wants it on all channels", |exact, all| {
        exact.is_none() && all == Some(true)
    }),
    ("refuses it on all channels", |exact, all| {
        exact != Some(false) && all == Some(false)
    }),
    ("refuses it on the channel", |exact, _| exact == Some(false)),
];

const ABOUT_ALL: [Combinations; 3] = [
    ("refuses nothing", |channel, all| {
        channel != Some(false) && all != Some(false)
    }),
    ("refuses all on all channels", |channel, all| {
        channel != Some(false) && all == Some(false)
    }),
    ("refuses all on the channel", |channel, _| {
        channel == Some(false)
    }),
];

const CHOICES: [Option<bool>; 3] = [None, Some(true), Some(false)];

fn combinations() -> impl Iterator<Item = (Option<bool>, Option<bool>)> {
    let pairs = |first| CHOICES.into_iter().map(move |second| (first, second));
    CHOICES.into_iter().flat_map(pairs)
}

/// What is decided for all combinations of choices, which must be the same for those that mean the same.
pub(super) fn precedence() -> String {
    let (mut text, mut found) = (String::new(), 0);
    let columns = ABOUT_ALL.map(|(name, _)| name).join(" | ");
    let _ = writeln!(
        text,
        "| about the category ↓, about all → | {columns} |\n| --- | --- | --- | --- |"
    );
    for (name, is_row) in ABOUT_CATEGORY {
        let cells = ABOUT_ALL.map(|(_, is_column)| {
            let rows = combinations().filter(|(exact, category)| is_row(*exact, *category));
            let decided = rows.flat_map(|(exact, category)| {
                let columns = combinations().filter(|(channel, all)| is_column(*channel, *all));
                columns.map(move |(channel, all)| {
                    decision(Choices {
                        exact,
                        category,
                        channel,
                        all,
                    })
                })
            });
            let mut decided: Vec<String> = decided.collect();
            found += decided.len();
            decided.dedup();
            assert_eq!(decided.len(), 1, "{name}: {decided:?}");
            decided.remove(0)
        });
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    assert_eq!(found, 81, "each combination once");
    text
}

fn decision(choices: Choices) -> String {
    let kind = CategoryKind::Transactional;
    let decided = choices.effective(kind, None);
    match decided.because {
        Because::Choice(place) => {
            let sent = if decided.enabled { "sent" } else { "not sent" };
            let place = match place {
                Place::Exact => "(category, channel)",
                Place::Category => "(category, `*`)",
                Place::Channel => "(`*`, channel)",
                Place::All => "(`*`, `*`)",
            };
            format!("{sent}: {place}")
        }
        Because::Nothing => {
            let default = choices.effective(kind, Some(false));
            assert_eq!(
                (default.enabled, default.because),
                (false, Because::Default)
            );
            "the default of the category, or else sent".to_owned()
        }
        Because::Critical | Because::Default => panic!("neither critical nor a default"),
    }
}
