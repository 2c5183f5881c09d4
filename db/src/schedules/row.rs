use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use serde_json::value::RawValue;
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::{ScheduleId, UserId};
use tidings_domain::schedule::{Grace, ScheduleDefinition};
use tidings_domain::time::CronSchedule;
use uuid::Uuid;

/// A recurring schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleRow {
    /// The id.
    pub id: ScheduleId,
    /// The sender of the notifications.
    pub sender: String,
    /// The target user.
    pub user_id: UserId,
    /// The channel's name.
    pub r#type: String,
    /// A JSON object, as text.
    pub payload: String,
    /// The template that renders the notifications; the payload then contains the variables.
    pub template: Option<TemplateRef>,
    /// The group of the notifications.
    pub group: Option<String>,
    /// The category of the notifications.
    pub category: Option<String>,
    /// The key of their digest.
    pub digest_key: Option<String>,
    /// Seconds from an occurrence until its notification expires.
    pub ttl_secs: Option<i32>,
    /// The pattern.
    pub cron: String,
    /// The time zone's name.
    pub timezone: String,
    /// No occurrence is before this time.
    pub starts_at: Option<Timestamp>,
    /// No occurrence is after this time.
    pub ends_at: Option<Timestamp>,
    /// How late an occurrence may run, in seconds.
    pub grace_secs: i32,
    /// The next occurrence; `None` if the schedule is paused or has ended.
    pub next_at: Option<Timestamp>,
    /// The last occurrence that has run.
    pub last_at: Option<Timestamp>,
    /// Whether the schedule is paused.
    pub paused: bool,
    /// Why a failure has paused the schedule.
    pub reason: Option<String>,
    /// How many occurrences have not run.
    pub skipped: i64,
    /// When the schedule was created.
    pub created_at: Timestamp,
    /// When its owner last changed it.
    pub updated_at: Timestamp,
}

pub(super) const COLUMNS: &str = "id, sender, target_user_id, type, payload::text, template_name, template_locale, \
                                  group_key, ttl_secs, cron, timezone, starts_at, ends_at, grace_secs, next_at, \
                                  last_at, paused, reason, skipped, created_at, updated_at, category, digest_key";

impl From<&tokio_postgres::Row> for ScheduleRow {
    /// Converts a row of `COLUMNS`.
    fn from(row: &tokio_postgres::Row) -> Self {
        Self {
            id: row.get::<_, Uuid>(0).into(),
            sender: row.get(1),
            user_id: row.get::<_, Uuid>(2).into(),
            r#type: row.get(3),
            payload: row.get(4),
            template: row.get::<_, Option<String>>(5).map(|name| TemplateRef {
                name,
                locale: row.get(6),
            }),
            group: row.get(7),
            ttl_secs: row.get(8),
            cron: row.get(9),
            timezone: row.get(10),
            starts_at: row.get(11),
            ends_at: row.get(12),
            grace_secs: row.get(13),
            next_at: row.get(14),
            last_at: row.get(15),
            paused: row.get(16),
            reason: row.get(17),
            skipped: row.get(18),
            created_at: row.get(19),
            updated_at: row.get(20),
            category: row.get(21),
            digest_key: row.get(22),
        }
    }
}

/// A row that this version cannot use as a schedule. Only the API and the tool write rows, and both write valid ones, so
/// another program or a newer version has changed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{column} {problem}")]
pub struct InvalidScheduleRow {
    /// The column that is wrong.
    pub column: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl ScheduleRow {
    /// The definition.
    ///
    /// # Errors
    ///
    /// Returns an error if a column has a value that this version does not know.
    pub fn definition(&self) -> Result<ScheduleDefinition, InvalidScheduleRow> {
        let seconds = |value: i32| u32::try_from(value).map_err(|_| "must not be negative");
        let ttl_secs = self.ttl_secs.map(seconds).transpose();
        let grace = Grace::try_from(u32::try_from(self.grace_secs).unwrap_or(0));
        let payload = RawValue::from_string(self.payload.clone());
        let group = self.group.as_deref().map(|group| read("group_key", group));
        let category = self.category.as_deref();
        let category = category.map(|category| read("category", category));
        let digest_key = self.digest_key.as_deref();
        let digest_key = digest_key.map(|key| read("digest_key", key));
        let recurrence = CronSchedule::new(
            read("cron", &self.cron)?,
            read("timezone", &self.timezone)?,
            self.starts_at,
            self.ends_at,
        );
        Ok(ScheduleDefinition {
            sender: self.sender.clone(),
            user_id: self.user_id,
            channel: read("type", &self.r#type)?,
            payload: payload.map_err(|error| invalid("payload", error))?,
            template: self.template.clone(),
            group: group.transpose()?,
            category: category.transpose()?,
            digest_key: digest_key.transpose()?,
            ttl_secs: ttl_secs.map_err(|error| invalid("ttl_secs", error))?,
            recurrence: recurrence.map_err(|error| invalid("ends_at", error))?,
            grace: grace.map_err(|error| invalid("grace_secs", error))?,
        })
    }
}

fn read<T: FromStr<Err: Display>>(
    column: &'static str,
    text: &str,
) -> Result<T, InvalidScheduleRow> {
    text.parse().map_err(|error| invalid(column, error))
}

fn invalid(column: &'static str, problem: impl Display) -> InvalidScheduleRow {
    InvalidScheduleRow {
        column,
        problem: problem.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> ScheduleRow {
        ScheduleRow {
            id: ScheduleId::generate(),
            sender: "billing".to_owned(),
            user_id: Uuid::nil().into(),
            r#type: "sms".to_owned(),
            payload: r#"{"text": "Hi"}"#.to_owned(),
            template: None,
            group: Some("reminders".to_owned()),
            category: Some("order-updates".to_owned()),
            digest_key: Some("weekly".to_owned()),
            ttl_secs: Some(60),
            cron: "0 9 * * *".to_owned(),
            timezone: "Europe/Berlin".to_owned(),
            starts_at: None,
            ends_at: None,
            grace_secs: 3600,
            next_at: None,
            last_at: None,
            paused: false,
            reason: None,
            skipped: 0,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_row_is_a_definition() {
        let definition = row().definition().expect("valid");
        assert_eq!(definition.recurrence.pattern().as_str(), "0 9 * * *");
        assert_eq!(
            (definition.ttl_secs, definition.grace.as_secs()),
            (Some(60), 3600)
        );
    }

    #[test]
    fn a_column_that_is_wrong_is_named() {
        type Change = fn(&mut ScheduleRow);
        let changes: [(&str, Change); 10] = [
            ("type", |row| row.r#type = "pigeon".to_owned()),
            ("payload", |row| row.payload = "{".to_owned()),
            ("group_key", |row| row.group = Some(String::new())),
            ("category", |row| row.category = Some("*".to_owned())),
            ("digest_key", |row| row.digest_key = Some(String::new())),
            ("ttl_secs", |row| row.ttl_secs = Some(-1)),
            ("cron", |row| row.cron = "@daily".to_owned()),
            ("timezone", |row| row.timezone = "Mars/Base".to_owned()),
            ("grace_secs", |row| row.grace_secs = -1),
            ("ends_at", |row| {
                row.starts_at = Some(Timestamp::MAX);
                row.ends_at = Some(Timestamp::MIN);
            }),
        ];
        for (column, change) in changes {
            let mut row = row();
            change(&mut row);
            let error = row.definition().expect_err(column);
            assert_eq!(error.column, column, "{error}");
        }
    }
}
