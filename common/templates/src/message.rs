//! What the recipient of a notification reads.

use tidings_domain::content::{Content, FieldProblem, Json, Object};
use tidings_domain::notification::Channel;

use super::{RenderError, TemplateSource, render};

/// The members of the payload of an in-app notification that an inbox shows, the best one first.
const TITLES: [&str; 3] = ["title", "subject", "heading"];
const BODIES: [&str; 4] = ["body", "message", "text", "description"];

/// Stands for the link to unsubscribe, which only the recipient may have: the name of the variable, and a URL that leads
/// nowhere.
pub const UNSUBSCRIBE_VARIABLE: (&str, &str) = ("unsubscribeUrl", "https://unsubscribe.invalid/");

/// The texts of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageContent {
    /// The subject of an e-mail, the title of a push message or of an in-app notification, the event of a webhook.
    pub subject: Option<String>,
    /// The text; the data of a webhook, as JSON.
    pub text: String,
    /// The HTML part of an e-mail.
    pub html: Option<String>,
}

/// Why there is no message.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MessageError {
    /// The template cannot be rendered. The message may quote it.
    #[error("the template cannot be rendered: {0}")]
    Template(#[from] RenderError),
    /// The channel accepts no such content. The problems never quote the payload.
    #[error("the channel does not accept the content: {}", fields(.0))]
    Content(Vec<FieldProblem>),
}

fn fields(problems: &[FieldProblem]) -> String {
    let texts = problems
        .iter()
        .map(|problem| format!("{} {}", problem.field, problem.message));
    texts.collect::<Vec<_>>().join("; ")
}

/// Makes the texts of a message from its payload, which with a template are its variables. `own_variable` is added to these,
/// and is no part of the payload.
///
/// # Errors
///
/// Returns an error if the template cannot be rendered, or if the channel does not accept the result.
pub fn message_content(
    channel: Channel,
    payload: &Object,
    template: Option<TemplateSource<'_>>,
    own_variable: Option<(&str, &str)>,
) -> Result<MessageContent, MessageError> {
    let rendered = match template {
        Some(source) => {
            let mut variables = payload.clone();
            if let Some((name, value)) = own_variable {
                variables.insert(name.to_owned(), Json::String(value.to_owned()));
            }
            Some(render(source, &variables)?.payload(channel, payload))
        }
        None => None,
    };
    let payload = rendered.as_ref().unwrap_or(payload);
    let content = Content::read(channel, payload).map_err(MessageError::Content)?;
    Ok(match content {
        None => in_app(payload),
        Some(Content::Email(email)) => MessageContent {
            subject: Some(email.subject),
            text: email.text,
            html: email.html,
        },
        Some(Content::Sms(sms)) => MessageContent {
            text: sms.text,
            ..MessageContent::default()
        },
        Some(Content::Push(push)) => MessageContent {
            subject: Some(push.title),
            text: push.body,
            html: None,
        },
        Some(Content::Webhook(webhook)) => MessageContent {
            subject: Some(webhook.event),
            text: webhook.data.to_string(),
            html: None,
        },
    })
}

/// What the element `<tidings-inbox>` shows.
fn in_app(payload: &Object) -> MessageContent {
    let first = |names: &[&str]| {
        let texts = names
            .iter()
            .filter_map(|name| payload.get(*name)?.as_str().map(str::trim));
        texts.into_iter().find(|text| !text.is_empty())
    };
    MessageContent {
        subject: first(&TITLES).map(str::to_owned),
        text: first(&BODIES).unwrap_or_default().to_owned(),
        html: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Object {
        Json::object(text).expect("an object")
    }

    fn content(subject: Option<&str>, text: &str, html: Option<&str>) -> MessageContent {
        MessageContent {
            subject: subject.map(str::to_owned),
            text: text.to_owned(),
            html: html.map(str::to_owned),
        }
    }

    #[test]
    fn each_channel_has_its_own_texts() {
        let email = TemplateSource {
            subject: Some("Hi {{ name }}"),
            text: "{{ unsubscribeUrl }}",
            html: Some("<b>{{ name }}</b>"),
        };
        for (channel, payload, template, expected) in [
            (
                Channel::Email,
                r#"{"name": "<A>"}"#,
                Some(email),
                content(
                    Some("Hi <A>"),
                    "https://example.com/",
                    Some("<b>&lt;A&gt;</b>"),
                ),
            ),
            (
                Channel::Email,
                r#"{"subject": "s", "text": "t"}"#,
                None,
                content(Some("s"), "t", None),
            ),
            (
                Channel::Sms,
                r#"{"text": "t"}"#,
                None,
                content(None, "t", None),
            ),
            (
                Channel::Push,
                r#"{"title": "a", "body": "b"}"#,
                None,
                content(Some("a"), "b", None),
            ),
            (
                Channel::Webhook,
                r#"{"event": "e", "data": {"n": 1.50}}"#,
                None,
                content(Some("e"), r#"{"n":1.50}"#, None),
            ),
            (
                Channel::InApp,
                r#"{"heading": " a ", "title": "", "message": "b"}"#,
                None,
                content(Some("a"), "b", None),
            ),
            (Channel::InApp, "{}", None, content(None, "", None)),
        ] {
            let own = Some(("unsubscribeUrl", "https://example.com/"));
            let found = message_content(channel, &object(payload), template, own);
            assert_eq!(found, Ok(expected), "{channel} {payload}");
        }
    }

    #[test]
    fn a_message_that_cannot_be_made_says_why_and_quotes_no_payload() {
        let source = TemplateSource {
            subject: None,
            text: "{{ missing }}",
            html: None,
        };
        let error = message_content(Channel::Sms, &object("{}"), Some(source), None);
        let text = error.expect_err("a missing variable").to_string();
        assert!(text.contains("the variable missing is missing"), "{text}");
        let payload = object(r#"{"text": "t", "to": "hunter2"}"#);
        let error = message_content(Channel::Sms, &payload, None, None);
        let text = error.expect_err("no number").to_string();
        assert!(text.contains("to") && !text.contains("hunter2"), "{text}");
    }
}
