//! Recurring schedules: which notification they create, and when.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::category::CategoryName;
use crate::content::TemplateRef;
use crate::digest::DigestKey;
use crate::notification::{Channel, GroupKey, MessageId, Notification, ScheduleId, UserId};
use crate::time::{CatchUp, CronSchedule, DeliveryWindow, Expiry, MAX_TTL_SECS};

/// A recurring schedule, as its owner defines it.
#[derive(Clone, Debug)]
pub struct ScheduleDefinition {
    /// The sender of the notifications: the subject of the caller that created the schedule.
    pub sender: String,
    /// The user that the notifications are for.
    pub user_id: UserId,
    /// The channel of the notifications.
    pub channel: Channel,
    /// Their payload: a JSON object.
    pub payload: Box<RawValue>,
    /// Their template, if the payload contains only its variables.
    pub template: Option<TemplateRef>,
    /// Their group.
    pub group: Option<GroupKey>,
    /// Their category.
    pub category: Option<CategoryName>,
    /// The key of their digest.
    pub digest_key: Option<DigestKey>,
    /// A notification expires so many seconds after its occurrence.
    pub ttl_secs: Option<u32>,
    /// When the schedule occurs.
    pub recurrence: CronSchedule,
    /// How late an occurrence may run.
    pub grace: Grace,
}

/// How late an occurrence may run after an outage: from a minute to 366 days, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace(u32);

/// The number of seconds is not a grace. The message continues "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number of seconds from {} to {MAX_TTL_SECS}", CatchUp::MIN_GRACE.as_secs())]
pub struct InvalidGrace;

impl Grace {
    /// The grace in seconds.
    #[must_use]
    pub const fn as_secs(self) -> u32 {
        self.0
    }

    /// The grace.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

impl Default for Grace {
    /// An hour.
    fn default() -> Self {
        Self(3600)
    }
}

impl TryFrom<u32> for Grace {
    type Error = InvalidGrace;

    fn try_from(seconds: u32) -> Result<Self, Self::Error> {
        let is_long_enough = u64::from(seconds) >= CatchUp::MIN_GRACE.as_secs();
        (is_long_enough && seconds <= MAX_TTL_SECS)
            .then_some(Self(seconds))
            .ok_or(InvalidGrace)
    }
}

impl std::str::FromStr for Grace {
    type Err = InvalidGrace;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let seconds: u32 = text.parse().map_err(|_| InvalidGrace)?;
        seconds.try_into()
    }
}

impl ScheduleDefinition {
    /// The notification for one occurrence of the schedule `id`, created at `now`.
    ///
    /// It is sent from the occurrence on, and its time to live begins there: a late run does not extend it.
    #[must_use]
    pub fn notification(
        &self,
        id: ScheduleId,
        occurrence: Timestamp,
        now: Timestamp,
    ) -> Notification {
        Notification {
            message_id: MessageId::for_occurrence(id, occurrence),
            user_id: Some(self.user_id),
            channel: self.channel,
            accepted_at: now,
            payload: self.payload.clone(),
            template: self.template.clone(),
            sender: Some(self.sender.clone()),
            group: self.group.clone(),
            // The id of the schedule and of the occurrence says which request it is.
            fingerprint: None,
            // That of the template counts.
            sensitive: false,
            category: self.category.clone(),
            digest_key: self.digest_key.clone(),
            trace: None,
            window: DeliveryWindow {
                not_before: Some(occurrence),
                expires_at: self
                    .ttl_secs
                    .map(|seconds| Expiry::After(seconds).instant(occurrence)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    fn definition() -> ScheduleDefinition {
        let pattern = "0 9 * * *".parse().expect("a pattern");
        let zone = "Europe/Berlin".parse().expect("a zone");
        ScheduleDefinition {
            sender: "billing".to_owned(),
            user_id: uuid::Uuid::nil().into(),
            channel: Channel::Email,
            payload: RawValue::from_string(r#"{"name":"Anna"}"#.to_owned()).expect("JSON"),
            template: Some(TemplateRef {
                name: "reminder".to_owned(),
                locale: Some("de".to_owned()),
            }),
            group: Some("reminders".parse().expect("a key")),
            category: Some("order-updates".parse().expect("a name")),
            digest_key: Some("weekly".parse().expect("a key")),
            ttl_secs: Some(7200),
            recurrence: CronSchedule::new(pattern, zone, None, None).expect("no period"),
            grace: Grace::default(),
        }
    }

    #[test]
    fn the_notification_of_an_occurrence_has_all_that_the_schedule_says() {
        let (id, definition) = (ScheduleId::generate(), definition());
        let occurrence = at("2027-03-28T07:00:00Z");
        let now = at("2027-03-28T07:00:00.4Z");
        let one = definition.notification(id, occurrence, now);
        assert_eq!(one.message_id, MessageId::for_occurrence(id, occurrence));
        assert_eq!(one.accepted_at, now);
        assert_eq!(one.window.not_before, Some(occurrence));
        assert_eq!(one.window.expires_at, Some(at("2027-03-28T09:00:00Z")));
        assert_eq!(one.sender.as_deref(), Some("billing"));
        assert_eq!(
            (one.template, one.group, one.category),
            (definition.template, definition.group, definition.category)
        );
        assert_eq!(one.digest_key, definition.digest_key);
        assert_eq!(one.payload.get(), definition.payload.get());
    }

    #[test]
    fn a_late_run_does_not_live_longer() {
        let occurrence = at("2027-03-28T07:00:00Z");
        let late = at("2027-03-28T08:30:00Z");
        let one = definition().notification(ScheduleId::generate(), occurrence, late);
        assert_eq!(one.window.expires_at, Some(at("2027-03-28T09:00:00Z")));
    }

    #[test]
    fn a_grace_has_a_minute_at_least() {
        assert_eq!(Grace::default().as_secs(), 3600);
        for seconds in ["60", "31622400"] {
            assert!(seconds.parse::<Grace>().is_ok(), "{seconds}");
        }
        for seconds in ["", "0", "59", "31622401", "-60", "60.5", "1h"] {
            assert_eq!(seconds.parse::<Grace>(), Err(InvalidGrace), "{seconds}");
        }
        let shown = InvalidGrace.to_string();
        assert_eq!(
            shown,
            "must be a whole number of seconds from 60 to 31622400"
        );
    }
}
