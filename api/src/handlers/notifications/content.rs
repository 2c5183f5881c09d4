use serde_json::value::RawValue;
use tidings_domain::content::{
    Content, FieldProblem, Object, ProblemKind, WebhookUrl, check_variables,
};
use tidings_domain::notification::Channel;

/// Where a payload that is right for its channel wants its message to go.
#[derive(Debug, Default)]
pub struct Addresses {
    /// Whether it says itself where the message goes, or whom it is from.
    pub chosen: bool,
    /// The webhook's URL, where it gives one.
    pub webhook: Option<WebhookUrl>,
}

impl Addresses {
    /// Checks what a channel needs of a payload, or of the variables of a template. An in-app notification may say anything: it is not
    /// even read.
    pub fn read(
        channel: Channel,
        payload: &RawValue,
        templated: bool,
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
        if templated {
            check_variables(channel, &payload)?;
            return Ok(Self {
                chosen: chosen_among(channel, &payload),
                webhook: None,
            });
        }
        let content = Content::read(channel, &payload)?;
        Ok(Self {
            chosen: content.as_ref().is_some_and(Content::chooses_addresses),
            webhook: match content {
                Some(Content::Webhook(webhook)) => webhook.to,
                _ => None,
            },
        })
    }
}

/// As [`Content::chooses_addresses`], of a template's variables.
fn chosen_among(channel: Channel, variables: &Object) -> bool {
    let names: &[&str] = match channel {
        Channel::Email => &["to", "from", "replyTo"],
        Channel::Sms => &["to", "phoneNumber"],
        Channel::Push | Channel::Webhook => &["to"],
        Channel::InApp => &[],
    };
    let given = |name: &&str| variables.get(*name).is_some_and(|value| !value.is_null());
    names.iter().any(given)
}
