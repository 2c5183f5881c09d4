//! The rows of the table of settings.

use jiff::Timestamp;

use super::super::{CategoryState, RecipientState, Situation};
use crate::category::{CategoryName, QuietRule};
use crate::decision::LimitState;
use crate::digest::DigestMode;
use crate::notification::Channel;
use crate::preference::Subject;

/// A row of the table of settings.
pub(super) struct Setting {
    /// What is set.
    pub(super) name: &'static str,
    /// The channel whose notification is looked at.
    pub(super) channel: Channel,
    /// Sets it.
    pub(super) set: fn(&mut Situation),
    pub(super) why: &'static str,
}

const fn row(
    name: &'static str,
    channel: Channel,
    set: fn(&mut Situation),
    why: &'static str,
) -> Setting {
    Setting {
        name,
        channel,
        set,
        why,
    }
}

pub(super) fn settings() -> Vec<Setting> {
    let parts = [choices(), waiting(), endings()];
    parts.into_iter().flatten().collect()
}

/// What recipients and categories say.
fn choices() -> Vec<Setting> {
    let sms = Channel::Sms;
    vec![
        row("nothing", sms, |_| {}, "Nobody has said anything."),
        row(
            "the category's default is `false`",
            sms,
            default_off,
            "The default counts for recipients who have chosen nothing.",
        ),
        row(
            "… and the recipient wants the category",
            sms,
            |one| {
                default_off(one);
                one.choices.category = Some(true);
            },
            "A choice comes before the default.",
        ),
        row(
            "the recipient refuses the category on the channel",
            sms,
            |one| one.choices.exact = Some(false),
            "Nothing overrules a refusal, except a critical category.",
        ),
        row(
            "… or on all channels",
            sms,
            |one| one.choices.category = Some(false),
            "The same.",
        ),
        row(
            "the recipient refuses all on the channel (also by `STOP`)",
            sms,
            |one| one.choices.channel = Some(false),
            "The master switch of a channel.",
        ),
        row(
            "… or on all channels, and wants the category",
            sms,
            |one| {
                one.choices.all = Some(false);
                one.choices.exact = Some(true);
            },
            "A refusal is not overruled by a more specific wish.",
        ),
        row(
            "the recipient refuses all marketing (`*marketing`) on all channels",
            sms,
            |one| choose(one, &[("*marketing", "*", false)]),
            "A choice about each marketing category, also about later ones.",
        ),
        row(
            "… and wants the category on all channels",
            sms,
            |one| choose(one, &[("*marketing", "*", false), ("news", "*", true)]),
            "A choice about the category replaces that about all marketing, for the same channels.",
        ),
        row(
            "… or on the channel only",
            sms,
            |one| choose(one, &[("*marketing", "*", false), ("news", "sms", true)]),
            "That about all channels still counts.",
        ),
        row(
            "somebody without an account has refused the category",
            sms,
            |one| {
                one.recipient = RecipientState::NoAccount;
                one.choices.exact = Some(false);
            },
            "Choices are stored by the address, too.",
        ),
    ]
}

/// Makes these choices about a category `news`, channels and all marketing.
fn choose(situation: &mut Situation, chosen: &[(&str, &str, bool)]) {
    let news: CategoryName = "news".parse().expect("a name");
    let kind = match situation.category {
        CategoryState::Known(facts) => Some(facts.kind),
        CategoryState::None | CategoryState::Unknown => None,
    };
    let subject = Subject {
        category: kind.map(|kind| (&news, kind)),
        channel: situation.channel,
    };
    situation.choices = subject.choices(|category, channel| {
        let mut chosen = chosen.iter();
        let found = chosen.find(|one| (one.0, one.1) == (category.as_str(), channel.as_str()));
        found.map(|one| one.2)
    });
}

/// What makes a notification wait.
fn waiting() -> Vec<Setting> {
    let sms = Channel::Sms;
    vec![
        row(
            "the category has a digest, or the user has chosen one",
            sms,
            |one| one.digest = DigestMode::Daily,
            "Collected to one message ([DIGESTS.md](DIGESTS.md)).",
        ),
        row(
            "it is quiet for the user, by SMS",
            sms,
            |one| one.quiet_until = Some(end()),
            "Until the end of the [quiet hours](QUIET_HOURS.md).",
        ),
        row(
            "… and the category has `quiet: ignore`",
            sms,
            |one| {
                one.quiet_until = Some(end());
                if let CategoryState::Known(facts) = &mut one.category {
                    facts.quiet = QuietRule::Ignore;
                }
            },
            "Only a category can ignore them, not a request.",
        ),
        row(
            "the slots of a limit are taken by what may still fail",
            sms,
            |one| one.user_limit = LimitState::Taken,
            "[`USER_LIMITS`](LIMITS.md#notifications-of-a-user), or the `throttle` of the category.",
        ),
        row(
            "a limit is reached",
            sms,
            |one| one.user_limit = LimitState::Reached,
            "The same.",
        ),
        row(
            "an operator has stopped the channel",
            sms,
            |one| one.is_stopped = true,
            "The [switch](OPERATING.md) holds everything until it is started again.",
        ),
        row(
            "a digest, quiet hours or a limit, for somebody without an account",
            sms,
            |one| {
                one.recipient = RecipientState::NoAccount;
                one.digest = DigestMode::Daily;
                one.quiet_until = Some(end());
                one.user_limit = LimitState::Reached;
                one.throttle = LimitState::Reached;
            },
            "Only users have them.",
        ),
    ]
}

/// What ends a notification.
fn endings() -> Vec<Setting> {
    let sms = Channel::Sms;
    vec![
        row(
            "the sender has cancelled it",
            sms,
            |one| one.is_cancelled = true,
            "[Cancellation](SCHEDULING.md).",
        ),
        row(
            "its `expiresAt` is over",
            sms,
            |one| one.window.expires_at = Some(now()),
            "Nobody needs it any more.",
        ),
        row(
            "the deletion of the user waits",
            sms,
            |one| one.recipient = RecipientState::Leaving,
            "Only what is about the security of the account goes out ([DELETION.md](DELETION.md)).",
        ),
        row(
            "the user is deleted",
            sms,
            |one| one.recipient = RecipientState::Gone,
            "There is nobody any more.",
        ),
        row(
            "the user has no address for the channel",
            sms,
            |one| one.has_contact = false,
            "Replay it once there is one.",
        ),
        row(
            "e-mail, and there is no URL to unsubscribe",
            Channel::Email,
            |one| one.has_link = false,
            "Marketing can always be [unsubscribed](UNSUBSCRIBE.md).",
        ),
    ]
}

fn default_off(situation: &mut Situation) {
    if let CategoryState::Known(facts) = &mut situation.category {
        facts.default = Some(false);
    }
}

pub(super) fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

pub(super) fn end() -> Timestamp {
    Timestamp::from_second(3600).expect("in range")
}
