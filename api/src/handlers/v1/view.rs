use jiff::Timestamp;
use serde::Serialize;
use tidings_db::notifications::NotificationRow;
use tidings_domain::notification::{Channel, MessageId, UserId};
use tidings_domain::providers::ChannelProviders;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::notifications::NotificationView;

/// A notification, as the older service showed it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V1Notification)]
pub struct V1NotificationView {
    /// The notification's id.
    #[schema(value_type = uuid::Uuid)]
    id: MessageId,
    /// The user that the notification is for; null if only the payload names the recipient.
    #[schema(value_type = Option<uuid::Uuid>)]
    user_id: Option<UserId>,
    /// The channel.
    #[schema(example = "in-app")]
    message_type: String,
    /// The provider of the channel now; null for in-app, and while the channel is off.
    #[schema(example = "smtp")]
    provider: Option<&'static str>,
    /// The content as JSON text; null if it is hidden.
    payload: Option<String>,
    /// `scheduled`, `pending`, `retrying`, `processed`, `failed`, `cancelled`, `expired`, `suppressed` or `digested`.
    #[schema(example = "processed")]
    status: String,
    /// Why the last attempt failed.
    error_message: Option<String>,
    /// When the notification was accepted.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the notification was delivered.
    #[schema(value_type = Option<String>, format = DateTime)]
    processed_at: Option<Timestamp>,
}

impl V1NotificationView {
    /// Converts a row, with the rights of the caller.
    ///
    /// # Errors
    ///
    /// Returns an error if the payload of the row is not JSON.
    pub fn new(
        row: NotificationRow,
        caller: &Caller,
        providers: ChannelProviders,
    ) -> Result<Self, ApiError> {
        let view = NotificationView::new(row, caller)?;
        let channel: Option<Channel> = view.r#type.parse().ok();
        let delivered = channel.and_then(Channel::delivered);
        Ok(Self {
            id: view.message_id,
            user_id: view.target_user_id,
            provider: delivered.and_then(|channel| providers.name(channel)),
            message_type: view.r#type,
            payload: view.payload.map(|payload| payload.get().to_owned()),
            status: view.status,
            error_message: view.error_message,
            created_at: view.created_at,
            processed_at: view.processed_at,
        })
    }
}

/// A page of notifications.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V1NotificationPage)]
pub struct V1NotificationPage {
    /// Newest first.
    pub notifications: Vec<V1NotificationView>,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<String>,
}
