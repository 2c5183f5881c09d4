use serde_json::value::RawValue;
use tidings_domain::content::{
    Content, FieldProblem, Object, ProblemKind, WebhookUrl, check_variables,
};
use tidings_domain::notification::Channel;

/// The addresses in a payload that is valid for its channel.
#[derive(Debug, Default)]
pub struct PayloadAddresses {
    /// Whether the payload chooses a recipient or, for e-mail, a sender or reply address.
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
        let payload: Object = serde_json::from_str(payload.get()).map_err(|error| {
            vec![FieldProblem {
                field: "payload".to_owned(),
                message: format!("cannot be read: {error}"),
                kind: ProblemKind::Invalid,
            }]
        })?;
        if is_templated {
            check_variables(channel, &payload)?;
            return Ok(Self {
                chosen_by_client: has_address(channel, &payload),
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

/// Like [`Content::chooses_addresses`], for the variables of a template.
fn has_address(channel: Channel, variables: &Object) -> bool {
    let names: &[&str] = match channel {
        Channel::Email => &["to", "from", "replyTo"],
        Channel::Sms => &["to", "phoneNumber"],
        Channel::Push | Channel::Webhook => &["to"],
        Channel::InApp => &[],
    };
    let given = |name: &&str| variables.get(*name).is_some_and(|value| !value.is_null());
    names.iter().any(given)
}
