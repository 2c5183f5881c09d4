//! The content of webhooks.

use uuid::Uuid;

use super::fields::Fields;
use super::{Json, WebhookUrl};

/// The longest event name, in characters.
const MAX_EVENT: usize = 256;

/// A webhook: `{to?, event, data, endpointId?}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// The URL; by default the endpoints of the user.
    pub to: Option<WebhookUrl>,
    /// The only endpoint of the user to send to.
    pub endpoint_id: Option<Uuid>,
    /// The event, such as `order.shipped`.
    pub event: String,
    /// The data of the event: any JSON but `null`, with every number digit for digit.
    pub data: Json,
}

impl Webhook {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let to: Option<WebhookUrl> = fields.parsed(&["to"]);
        let endpoint_id: Option<Uuid> = fields.parsed(&["endpointId"]);
        if to.is_some() && endpoint_id.is_some() {
            fields.invalid("endpointId", "must not be given beside to");
        }
        let event = fields.required_text(&["event"]);
        if let Some(event) = &event
            && (event.chars().count() > MAX_EVENT || event.chars().any(char::is_control))
        {
            let message =
                format!("must have at most {MAX_EVENT} characters and no control characters");
            fields.invalid("event", message);
        }
        let data = fields.value("data").cloned();
        if data.is_none() {
            fields.missing("data");
        }
        Some(Self {
            to,
            endpoint_id,
            event: event?,
            data: data?,
        })
    }
}
