//! Selects dead letters by id, stage and reason.

use jiff::Timestamp;
use tidings_broker::{DeadLetter, Stage};
use tidings_db::dead_letters;
use tidings_db::notifications::FailedFilter;
use tidings_domain::notification::{Channel, MessageId};

use super::summary::{NO_CHANNEL, message_id};
use crate::output::WrongUsage;
use uuid::Uuid;

/// Matches dead letters that meet all conditions. Without conditions, matches all.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct DeadLetterFilter {
    /// Only the dead letters of this message; can be repeated
    #[arg(long = "id", value_name = "MESSAGE_ID")]
    pub ids: Vec<String>,
    /// Where and why it failed.
    #[command(flatten)]
    pub failure: FailureFilter,
}

/// Matches dead letters by stage and reason.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct FailureFilter {
    /// Only dead letters that failed in this stage: intake, email, sms, push, webhook, events.email.send,
    /// events.notification.send, events.user.delete, or none; in-app for notifications that PostgreSQL knows
    #[arg(long, value_parser = channel)]
    channel: Option<ChannelIs>,
    /// Only dead letters with this reason, such as "undecodable"
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// Only dead letters that this provider, or this host of webhooks, was asked to deliver last; none for those that nobody was
    /// asked to. Not for what is in the queue
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Only notifications that have not reached this webhook endpoint. Not for what is in the queue
    #[arg(long, value_name = "ENDPOINT_ID")]
    endpoint: Option<Uuid>,
    /// Only dead letters that failed at this time or later (RFC 3339)
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Only dead letters that failed before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
}

/// A filter that must have a condition or `--all`, for commands that change or delete.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("selection")
    .args(["ids", "channel", "reason", "provider", "endpoint", "from", "to", "all"]).required(true).multiple(true))]
pub struct Selection {
    /// The conditions.
    #[command(flatten)]
    pub filter: DeadLetterFilter,
    /// All dead letters
    #[arg(long)]
    all: bool,
}

impl Selection {
    /// The failed rows that meet the conditions. `None` if the conditions cannot be met by a row.
    pub fn rows(&self) -> Option<FailedFilter> {
        let channel = match self.filter.failure.channel {
            None => None,
            Some(ChannelIs::Stage(Stage::Delivery(channel))) => Some(channel),
            Some(_) => return None,
        };
        let parsed = self.filter.ids.iter().map(|id| id.parse());
        let ids: Vec<MessageId> = parsed.filter_map(Result::ok).collect();
        let matches_no_row = ids.is_empty() && self.has_ids();
        (!matches_no_row).then_some(FailedFilter { channel, ids })
    }

    /// Whether the selection contains ids, so that finding no dead letter is a failure.
    pub fn has_ids(&self) -> bool {
        !self.filter.ids.is_empty()
    }
}

/// A condition on the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelIs {
    /// The header `channel` contains this stage.
    Stage(Stage),
    /// It contains no known stage.
    None,
    /// The notification is shown in the app: no queue has such a message.
    InApp,
}

impl ChannelIs {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Stage(stage) => stage.as_str(),
            Self::None => NO_CHANNEL,
            Self::InApp => Channel::InApp.as_str(),
        }
    }
}

/// Reads the value of `--channel`.
fn channel(name: &str) -> Result<ChannelIs, String> {
    if name == NO_CHANNEL {
        return Ok(ChannelIs::None);
    }
    if name == Channel::InApp.as_str() {
        return Ok(ChannelIs::InApp);
    }
    Stage::from_name(name).map(ChannelIs::Stage).ok_or_else(|| {
        let names = Stage::ALL.map(Stage::as_str).join(", ");
        format!(
            "must be one of: {names}, {}, {NO_CHANNEL}",
            Channel::InApp.as_str()
        )
    })
}

impl DeadLetterFilter {
    /// The conditions for the dead letters that PostgreSQL knows.
    ///
    /// # Errors
    ///
    /// Fails if an id is not a UUID: only the queue has such a message.
    pub fn recorded(&self) -> Result<dead_letters::DeadLetterFilter, WrongUsage> {
        let ids = self.ids.iter().map(|id| id.parse().ok());
        Ok(dead_letters::DeadLetterFilter {
            reason: self.failure.reason.clone(),
            channel: self.failure.channel.map(|one| one.as_str().to_owned()),
            provider: self.failure.provider.as_ref().map(|one| one.to_lowercase()),
            endpoint: self.failure.endpoint,
            ids: ids.collect::<Option<_>>().ok_or(WrongUsage(
                "--id must be a UUID; a message with another id can only be found in the queue",
            ))?,
            from: self.failure.from,
            to: self.failure.to,
        })
    }

    /// Checks that the queue knows what the conditions are about.
    ///
    /// # Errors
    ///
    /// Fails if only PostgreSQL knows it.
    pub fn of_queue(&self) -> Result<(), WrongUsage> {
        if self.failure.provider.is_some() || self.failure.endpoint.is_some() {
            return Err(WrongUsage(
                "--provider and --endpoint select what PostgreSQL knows: use --recorded, or leave out --from-queue",
            ));
        }
        Ok(())
    }

    /// Whether the filter matches a dead letter. One whose time of failure is not known has failed at no time.
    pub fn matches(&self, dead_letter: &DeadLetter) -> bool {
        let FailureFilter {
            channel,
            reason,
            from,
            to,
            provider: _,
            endpoint: _,
        } = &self.failure;
        let failed_at = dead_letter.dead_since();
        self.matches_id(message_id(dead_letter), dead_letter.message_id.as_deref())
            && channel.is_none_or(|channel| match channel {
                ChannelIs::Stage(stage) => Some(stage) == dead_letter.stage,
                ChannelIs::None => dead_letter.stage.is_none(),
                ChannelIs::InApp => false,
            })
            && from.is_none_or(|from| failed_at.is_some_and(|time| time >= from))
            && to.is_none_or(|to| failed_at.is_some_and(|time| time < to))
            && reason
                .as_ref()
                .is_none_or(|reason| *reason == dead_letter.reason)
    }

    /// Compares with the id in the body, in any UUID format, and with the id in the properties.
    fn matches_id(&self, id: Option<MessageId>, property: Option<&str>) -> bool {
        let is_same = |wanted: &String| {
            let wanted_id: Option<MessageId> = wanted.parse().ok();
            (wanted_id.is_some() && wanted_id == id) || Some(wanted.as_str()) == property
        };
        self.ids.is_empty() || self.ids.iter().any(is_same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_in_the_body_in_any_format_and_in_the_properties() {
        let id = MessageId::generate();
        let filter = |wanted: String| DeadLetterFilter {
            ids: vec!["another".to_owned(), wanted],
            ..DeadLetterFilter::default()
        };
        assert!(filter(id.to_string().to_uppercase()).matches_id(Some(id), None));
        assert!(filter("by-hand-1".to_owned()).matches_id(Some(id), Some("by-hand-1")));
        assert!(!filter("by-hand-1".to_owned()).matches_id(None, None));
        assert!(DeadLetterFilter::default().matches_id(None, None));
    }
}
