use serde_json::Value;
use uuid::Uuid;

use super::WebhookUrl;
use super::fields::Fields;

/// The longest name of an event.
const MAX_EVENT: usize = 256;

/// A webhook: `{to?, event, data, endpointId?}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// Where it goes; the user's endpoints where it is not given.
    pub to: Option<WebhookUrl>,
    /// One of the user's endpoints, where it goes to no other.
    pub endpoint_id: Option<Uuid>,
    /// What happened, such as `order.shipped`.
    pub event: String,
    /// Any JSON but `null`.
    pub data: Value,
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
