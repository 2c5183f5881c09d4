use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use tidings_db::dead_letters::{DeadLetterGroup, DeadLetterKind, DeadLetterRow, Figures};
use tidings_domain::notification::UserId;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::handlers::notifications::TEMPLATE_ERROR;

/// A page of dead letters.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterPage {
    /// Those that failed last first.
    pub(super) dead_letters: Vec<DeadLetterView>,
    /// The `cursor` of the next page; null on the last page.
    pub(super) next_cursor: Option<String>,
}

/// A dead letter, without its payload.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetter)]
pub struct DeadLetterView {
    /// Identifies it in `ids` of a filter: the message id of a notification.
    id: Uuid,
    /// `notification`: it is recorded, and failed. `message`: it could not be recorded.
    #[schema(example = "notification")]
    kind: &'static str,
    /// The message id; that of a message that could not be recorded need not be a UUID.
    message_id: Option<String>,
    /// The channel. If the message was not recorded: the stage in which it failed, such as `intake`. Null if the message has neither.
    #[schema(example = "email")]
    channel: Option<String>,
    /// The code of the failure; `unknown` if an earlier version recorded it.
    #[schema(example = "unknown_user")]
    reason: String,
    /// The failure for people.
    error: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    failed_at: Timestamp,
    /// How often it was tried.
    attempts: Option<i64>,
    #[schema(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    /// Whether its payload is still stored, so that it can be replayed.
    has_content: bool,
    /// Who was asked to deliver last: the provider, or the host of a webhook. Null if nobody was asked, or if an earlier version
    /// recorded the failure.
    #[schema(example = "smtp")]
    provider: Option<String>,
}

impl From<DeadLetterRow> for DeadLetterView {
    fn from(row: DeadLetterRow) -> Self {
        Self {
            id: row.id,
            kind: match row.kind {
                DeadLetterKind::Notification => "notification",
                DeadLetterKind::Message => "message",
            },
            message_id: row.message_id,
            channel: row.channel,
            error: shown(&row.reason, row.error),
            reason: row.reason,
            failed_at: row.failed_at,
            attempts: row.attempts,
            user_id: row.user_id,
            has_content: row.has_content,
            provider: row.provider,
        }
    }
}

/// An error that quotes a template is not shown.
fn shown(reason: &str, error: Option<String>) -> Option<String> {
    if reason == "template_error" {
        return error.map(|_| TEMPLATE_ERROR.to_owned());
    }
    error
}

/// The dead letters by reason, channel and provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterGroups {
    /// The largest first.
    pub(super) groups: Vec<GroupView>,
    /// Whether there are more dead letters than are counted, or more groups than about 200. The groups of failed notifications share
    /// a limit of 10,000, and so do those of messages that could not be recorded: of each group, an equal share is counted, and at
    /// least 200.
    pub(super) is_capped: bool,
}

/// The dead letters with one reason, one channel and one provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetterGroup)]
pub struct GroupView {
    #[schema(example = "unknown_user")]
    reason: String,
    /// As in the list.
    channel: Option<String>,
    /// As in the list.
    provider: Option<String>,
    /// How many, as far as they are counted.
    count: i64,
    /// Whether there are more than `count`.
    is_capped: bool,
    /// When the first of them failed.
    #[schema(value_type = String, format = DateTime)]
    first_failed_at: Timestamp,
    /// When the last of them failed.
    #[schema(value_type = String, format = DateTime)]
    last_failed_at: Timestamp,
    /// The error of the one that failed last.
    error: Option<String>,
}

impl From<DeadLetterGroup> for GroupView {
    fn from(group: DeadLetterGroup) -> Self {
        Self {
            error: shown(&group.reason, group.error),
            reason: group.reason,
            channel: group.channel,
            provider: group.provider,
            count: group.count,
            is_capped: group.is_capped,
            first_failed_at: group.first_failed_at,
            last_failed_at: group.last_failed_at,
        }
    }
}

/// What a job would do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRun {
    /// How many dead letters match, as far as they are counted.
    total: i64,
    /// Whether there are more than are counted. The failed notifications have a limit of 10,000, and so do the messages that could
    /// not be recorded: of each reason, channel and provider, an equal share is counted, and at least 200. With `ids` or
    /// `endpointId`, the last 1000 of either kind are counted. A job takes all.
    is_capped: bool,
    /// How many, by reason.
    by_reason: BTreeMap<String, i64>,
    /// How many, by channel; `none` if they name none.
    by_channel: BTreeMap<String, i64>,
    /// How many, by provider, or by host of webhooks; `none` if nobody was asked.
    by_provider: BTreeMap<String, i64>,
    /// The one that failed last.
    example: Option<DeadLetterView>,
}

impl DryRun {
    pub(super) fn new(figures: Figures, example: Option<DeadLetterRow>) -> Self {
        Self {
            total: figures.total,
            is_capped: figures.is_capped,
            by_reason: figures.by_reason,
            by_channel: figures.by_channel,
            by_provider: figures.by_provider,
            example: example.map(DeadLetterView::from),
        }
    }
}
