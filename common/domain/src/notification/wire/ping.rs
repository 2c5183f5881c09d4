use jiff::Timestamp;
use serde_json::json;
use serde_json::value::to_raw_value;
use uuid::Uuid;

use super::Notification;
use crate::notification::{Channel, MessageId, UserId};
use crate::time::DeliveryWindow;

impl Notification {
    /// A test notification for one webhook endpoint of `user`, accepted at `accepted_at` from `sender`.
    ///
    /// # Errors
    ///
    /// Fails if the payload cannot be written as JSON, which does not happen.
    pub fn ping(
        endpoint: Uuid,
        user: UserId,
        sender: String,
        accepted_at: Timestamp,
    ) -> Result<Self, serde_json::Error> {
        let payload = json!({
            "endpointId": endpoint,
            "event": "ping",
            "data": {"message": "This is a test of your webhook endpoint"},
        });
        Ok(Self {
            message_id: MessageId::generate(),
            user_id: Some(user),
            channel: Channel::Webhook,
            accepted_at,
            payload: to_raw_value(&payload)?,
            template: None,
            sender: Some(sender),
            group: None,
            window: DeliveryWindow::default(),
            fingerprint: None,
            sensitive: false,
            category: None,
            digest_key: None,
            trace: None,
        })
    }
}
