use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use tidings_db::notifications::NotificationRow;
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::{MessageId, UserId};
use utoipa::ToSchema;

use crate::error::ApiError;

/// A recorded notification.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Notification)]
pub struct NotificationView {
    /// Names it everywhere.
    #[schema(value_type = uuid::Uuid)]
    message_id: MessageId,
    /// Whom it is for.
    #[schema(value_type = uuid::Uuid)]
    target_user_id: UserId,
    /// The channel.
    #[schema(example = "in-app")]
    r#type: String,
    /// What it says.
    #[schema(value_type = Object)]
    payload: Box<RawValue>,
    /// What says what it says, where its payload is only the variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<TemplateView>,
    /// `pending`, `retrying`, `processed`, `failed`, `scheduled`, `cancelled` or `expired`.
    #[schema(example = "processed")]
    status: String,
    /// Delivery attempts that failed.
    retries_attempted: i32,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was delivered.
    #[schema(value_type = Option<String>, format = DateTime)]
    processed_at: Option<Timestamp>,
    /// Why the last attempt failed.
    error_message: Option<String>,
}

/// Which template a notification is written by.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateView {
    /// The template.
    #[schema(example = "welcome")]
    name: String,
    /// The language asked for; the default one where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "de-AT")]
    locale: Option<String>,
}

impl From<TemplateRef> for TemplateView {
    fn from(TemplateRef { name, locale }: TemplateRef) -> Self {
        Self { name, locale }
    }
}

impl TryFrom<NotificationRow> for NotificationView {
    type Error = ApiError;

    fn try_from(row: NotificationRow) -> Result<Self, ApiError> {
        Ok(Self {
            message_id: row.message_id,
            target_user_id: row.user_id,
            r#type: row.r#type,
            payload: RawValue::from_string(row.payload).map_err(ApiError::internal)?,
            template: row.template.map(TemplateView::from),
            status: row.status,
            retries_attempted: row.retries_attempted,
            created_at: row.created_at,
            processed_at: row.processed_at,
            error_message: row.error_message,
        })
    }
}

/// A page of notifications.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationPage {
    /// Newest first.
    pub notifications: Vec<NotificationView>,
    /// The next page's `cursor`; null on the last.
    pub next_cursor: Option<String>,
}
