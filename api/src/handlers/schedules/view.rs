use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use tidings_db::schedules::ScheduleRow;
use tidings_domain::notification::{MessageId, ScheduleId, UserId};
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::handlers::notifications::NotificationTemplate;
use crate::handlers::notifications::create::DigestRefBody;

/// A recurring schedule.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Schedule)]
pub struct ScheduleView {
    /// The id.
    #[schema(value_type = uuid::Uuid)]
    pub id: ScheduleId,
    /// The caller that created the schedule, and the sender of its notifications: the subject of the token.
    #[schema(example = "billing")]
    sender: String,
    /// The user that the notifications are for.
    #[schema(value_type = uuid::Uuid)]
    target_user_id: UserId,
    /// The channel.
    #[schema(example = "email")]
    r#type: String,
    /// The content of the notifications, or the variables of the template.
    #[schema(value_type = Object)]
    payload: Box<RawValue>,
    /// The template that renders the notifications (email, sms and push only).
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<NotificationTemplate>,
    /// The group of the notifications.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// The category of the notifications.
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    /// The digest of the notifications, apart from others of their category.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<DigestRefBody>,
    /// Seconds from an occurrence until its notification expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    ttl_secs: Option<i32>,
    /// The pattern: minute, hour, day of month, month and day of week.
    #[schema(example = "0 9 * * 1")]
    cron: String,
    /// The time zone of the pattern.
    #[schema(example = "Europe/Berlin")]
    timezone: String,
    /// No occurrence is before this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Timestamp>,
    /// No occurrence is after this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Timestamp>,
    /// How late an occurrence may run, in seconds.
    #[schema(example = 3600)]
    grace_secs: i32,
    /// The next occurrence; null if the schedule is paused or has ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_at: Option<Timestamp>,
    /// The last occurrence that has run.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_at: Option<Timestamp>,
    /// The notification of that occurrence.
    #[schema(value_type = Option<uuid::Uuid>)]
    last_message_id: Option<MessageId>,
    /// Whether the schedule is paused.
    paused: bool,
    /// Why a failure has paused the schedule; null if its owner has paused it.
    #[schema(example = "unknown_user: the target user does not exist any more")]
    reason: Option<String>,
    /// How many occurrences have not run, because of an outage or a failure.
    skipped: i64,
    /// When the schedule was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the schedule was last changed, paused or resumed by its owner.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl ScheduleView {
    /// Converts a row.
    ///
    /// # Errors
    ///
    /// Returns an error if the payload of the row is not JSON.
    pub fn new(row: ScheduleRow) -> Result<Self, ApiError> {
        let last_message_id = row
            .last_at
            .map(|occurrence| MessageId::for_occurrence(row.id, occurrence));
        Ok(Self {
            id: row.id,
            sender: row.sender,
            target_user_id: row.user_id,
            r#type: row.r#type,
            payload: RawValue::from_string(row.payload).map_err(ApiError::internal)?,
            template: row.template.map(NotificationTemplate::from),
            group: row.group,
            category: row.category,
            digest: row.digest_key.map(|key| DigestRefBody { key }),
            ttl_secs: row.ttl_secs,
            cron: row.cron,
            timezone: row.timezone,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            grace_secs: row.grace_secs,
            next_at: row.next_at,
            last_at: row.last_at,
            last_message_id,
            paused: row.paused,
            reason: row.reason,
            skipped: row.skipped,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// A page of schedules.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SchedulePage {
    /// Newest first.
    pub schedules: Vec<ScheduleView>,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<String>,
}
