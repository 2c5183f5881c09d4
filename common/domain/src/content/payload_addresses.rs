//! The check of a payload before its notification is accepted.

use serde_json::value::RawValue;

use super::{Content, FieldProblem, Json, ProblemKind, WebhookUrl, check_variables};
use crate::notification::Channel;

/// The addresses in a payload that is valid for its channel.
#[derive(Debug, Default)]
pub struct PayloadAddresses {
    /// Whether the payload chooses a recipient or, for e-mail, a sender, a reply address or a URL to unsubscribe.
    pub chosen_by_client: bool,
    /// The URL in a webhook's payload.
    pub webhook_url: Option<WebhookUrl>,
}

impl PayloadAddresses {
    /// Validates a payload for its channel, or as the variables of a template. The payload of an in-app
    /// notification may be any object, and is not parsed.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong with the payload.
    pub fn read(
        channel: Channel,
        payload: &RawValue,
        is_templated: bool,
    ) -> Result<Self, Vec<FieldProblem>> {
        if channel.delivered().is_none() {
            return Ok(Self::default());
        }
        let payload = Json::object(payload.get()).map_err(|error| {
            vec![FieldProblem {
                field: "payload".to_owned(),
                message: format!("cannot be read: {error}"),
                kind: ProblemKind::Invalid,
            }]
        })?;
        if is_templated {
            return Ok(Self {
                chosen_by_client: check_variables(channel, &payload)?,
                webhook_url: None,
            });
        }
        let content = Content::read(channel, &payload)?;
        Ok(Self {
            chosen_by_client: content.as_ref().is_some_and(Content::chooses_addresses),
            webhook_url: match content {
                Some(Content::Webhook(webhook)) => webhook.to,
                _ => None,
            },
        })
    }
}
