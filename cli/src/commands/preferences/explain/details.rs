//! What was found about each rule, in a sentence.

use tidings_db::categories::CategoryRow;
use tidings_db::notifications::SlotCount;
use tidings_db::preferences::{self, PreferenceRow};
use tidings_db::situation::{Facts, Question};
use tidings_domain::category::{CategoryKind, QuietRule};
use tidings_domain::digest::DigestMode;
use tidings_domain::explanation::{CategoryState, RecipientState, Rule};
use tidings_domain::link_rule::LinkRule;
use tidings_domain::preference::Because;

use super::super::choice_text;
use super::user_of;
use crate::output::printable;

/// The choice that decides whether the recipient wants the notification.
pub fn choice<'f>(facts: &'f Facts, question: &Question) -> Option<&'f PreferenceRow> {
    preferences::cell(facts.category.as_ref(), question.channel, &facts.choices).choice
}

/// What was found about `rule`.
pub fn of(rule: Rule, facts: &Facts, question: &Question) -> String {
    let situation = &facts.situation;
    let channel = question.channel;
    let is_delivered = channel.delivered().is_some();
    match rule {
        Rule::Channel if situation.is_configured => format!("{channel} is on"),
        Rule::Channel => format!("{channel} has no provider"),
        Rule::Category => match (&facts.category, situation.category) {
            (Some(row), _) => format!("{} is {}", row.name, row.category.kind),
            (None, CategoryState::Unknown) => "the category does not exist".to_owned(),
            (None, _) => "no category".to_owned(),
        },
        Rule::UnsubscribeUrl => link(facts).to_owned(),
        Rule::User | Rule::Deletion => user(rule, situation.recipient).to_owned(),
        Rule::Cancellation | Rule::ExpiresAt | Rule::SendAt | Rule::AcceptWithoutBroker => {
            String::new()
        }
        Rule::Preferences => match (choice(facts, question), situation.preference().because) {
            (Some(row), _) => format!("the recipient {}", choice_text(row)),
            (None, Because::Critical) => "the category is critical".to_owned(),
            (None, _) => "nothing is chosen".to_owned(),
        },
        Rule::Defaults => match situation.preference().because {
            Because::Critical => "the category is critical",
            Because::Choice(_) => "the recipient has chosen",
            Because::Default => "the category has a default for the channel",
            Because::Nothing => "no default for the channel",
        }
        .to_owned(),
        Rule::Digest if situation.outcome_of(Rule::Digest, facts.now).is_none() => {
            "notifications of such a kind are not collected".to_owned()
        }
        Rule::Digest if situation.digest == DigestMode::Off => "no digest".to_owned(),
        Rule::Digest => format!(
            "collected to a digest ({}), unless the payload names the recipient",
            situation.digest
        ),
        Rule::Sending => match &facts.stop {
            Some(stop) => {
                let reason = printable(stop.reason.as_deref().unwrap_or_default());
                format!(
                    "stopped by {} at {:.0}: {reason}",
                    printable(&stop.by),
                    stop.at
                )
            }
            None if is_delivered => "not stopped".to_owned(),
            None => "in-app notifications are never stopped".to_owned(),
        },
        Rule::QuietHours => quiet(facts, question),
        Rule::Throttle => {
            let throttle = facts.category.as_ref();
            let throttle = throttle.and_then(|row| row.category.throttle.as_ref());
            match (throttle, facts.throttle) {
                (Some(limit), Some(count)) => {
                    let text = counted(count, limit.limit, limit.window_secs.into());
                    match (&limit.key, &question.payload) {
                        (Some(key), None) => format!(
                            "{text}, but each value of {} has a limit of its own: name one with --payload",
                            printable(key)
                        ),
                        (Some(key), Some(_)) => {
                            format!("{text}, with this value of {}", printable(key))
                        }
                        (None, _) => text,
                    }
                }
                _ => "no limit of the category".to_owned(),
            }
        }
        Rule::UserLimits => match (question.user_limit, facts.user_limit) {
            (Some(limit), Some(count)) => counted(count, limit.count, limit.window.as_secs()),
            _ => "no limit of the channel".to_owned(),
        },
        Rule::Contact => match (situation.has_contact, user_of(question)) {
            _ if !is_delivered => "in-app notifications need no address".to_owned(),
            (_, None) => "the address of the payload".to_owned(),
            (true, Some(_)) => "the user has an address".to_owned(),
            (false, Some(_)) => {
                "the user has no address; the payload may name one in `to`".to_owned()
            }
        },
    }
}

const fn user(rule: Rule, recipient: RecipientState) -> &'static str {
    match (rule, recipient) {
        (_, RecipientState::NoAccount) => "no account",
        (_, RecipientState::Unknown) => "there is no such user",
        (Rule::Deletion, RecipientState::Leaving) => "the deletion of the user waits",
        (Rule::Deletion, RecipientState::Gone) => "the user is deleted",
        (Rule::Deletion, RecipientState::User) => "the user is not deleted",
        (_, RecipientState::User | RecipientState::Leaving | RecipientState::Gone) => {
            "the user exists"
        }
    }
}

fn link(facts: &Facts) -> &'static str {
    let has_link = facts.situation.has_link;
    match facts.situation.link_rule() {
        None => "only e-mails have one",
        Some(LinkRule::Never) => "critical e-mails have none",
        Some(LinkRule::Given) => "that of the payload, if there is one",
        Some(LinkRule::Wanted | LinkRule::Required) if has_link => {
            "a link of this installation, unless the payload has a URL"
        }
        Some(LinkRule::Wanted) => "that of the payload, because the installation makes no links",
        Some(LinkRule::Required) => {
            "required in the payload, because PUBLIC_URL and UNSUBSCRIBE_SECRETS are not set"
        }
    }
}

fn quiet(facts: &Facts, question: &Question) -> String {
    let situation = &facts.situation;
    let ignores = |row: &CategoryRow| row.category.quiet == QuietRule::Ignore;
    if situation.outcome_of(Rule::QuietHours, facts.now).is_none() {
        return if user_of(question).is_none() {
            "who has no account has no quiet hours".to_owned()
        } else if facts.category.as_ref().is_some_and(ignores) {
            "the category ignores quiet hours".to_owned()
        } else if is_critical(facts) {
            "the category is critical".to_owned()
        } else {
            format!("quiet hours do not hold {}", question.channel)
        };
    }
    let zone = facts.quiet_timezone.as_ref().map(ToString::to_string);
    match (situation.quiet_until, zone) {
        (Some(until), zone) => format!(
            "quiet until {until:.0}, in the time zone {}",
            zone.unwrap_or_default()
        ),
        (None, Some(zone)) => format!("not quiet now, in the time zone {zone}"),
        (None, None) => "no quiet hours".to_owned(),
    }
}

fn is_critical(facts: &Facts) -> bool {
    let row = facts.category.as_ref();
    row.is_some_and(|row| row.category.kind == CategoryKind::Critical)
}

fn counted(count: SlotCount, limit: u32, seconds: u64) -> String {
    let SlotCount { taken, delivered } = count;
    format!("{taken} of {limit} in {seconds} s, {delivered} of them delivered")
}
