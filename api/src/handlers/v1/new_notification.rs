use serde_json::value::RawValue;
use tidings_domain::notification::{Channel, UserId};
use tidings_domain::providers::ChannelProviders;
use utoipa::ToSchema;

use crate::error::{ApiError, ErrorDetail};
use crate::json_body::{ObjectReader, values};

const FIELDS: [&str; 4] = ["user_id", "message_type", "provider", "payload"];

/// A notification of an older service.
#[derive(ToSchema)]
#[schema(as = V1NewNotification)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewNotificationBody {
    /// The user that the notification is for.
    #[schema(example = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a")]
    user_id: uuid::Uuid,
    /// The channel: `in-app` (or `in_app`), `email`, `sms`, `push` or `webhook`.
    #[schema(example = "in-app")]
    message_type: String,
    /// The provider of the channel. Another one than the configured one is refused.
    #[schema(example = json!(null))]
    provider: Option<String>,
    /// The content, as that of `POST /api/notifications`: a JSON object as text.
    #[schema(example = "{\"title\": \"Your order has shipped!\"}")]
    payload: String,
}

/// Translates the body of a request into that of `POST /api/notifications`.
///
/// # Errors
///
/// Returns 400 with everything that is wrong, except with the payload, and 400 `provider_not_configured` if the channel has
/// another provider.
pub fn translate(body: &[u8], providers: ChannelProviders) -> Result<String, ApiError> {
    let mut reader = ObjectReader::parse(body, &FIELDS, "notification")?;
    let user = reader.required("user_id", values::uuid::<UserId>);
    let channel = reader.required("message_type", channel);
    let provider = reader.optional("provider", values::string);
    let payload = reader.required("payload", payload);
    let (user, (channel, payload)) = reader.finish(user.zip(channel.zip(payload)))?;
    if let Some(provider) = provider {
        check_provider(providers, channel, &provider)?;
    }
    // A UUID and the name of a channel need no escapes.
    let payload = payload.get();
    Ok(format!(
        r#"{{"targetUserId":"{user}","type":"{channel}","payload":{payload}}}"#
    ))
}

fn channel(value: &RawValue) -> Result<Channel, String> {
    let text = values::string(value)?;
    let name = if text == "in_app" { "in-app" } else { &text };
    name.parse()
        .map_err(|error: tidings_domain::notification::UnknownChannel| error.to_string())
}

/// Reads the JSON in a string. It is JSON by itself, so it cannot end the object around it.
fn payload(value: &RawValue) -> Result<Box<RawValue>, String> {
    let text = values::string(value)?;
    RawValue::from_string(text.trim().to_owned())
        .map_err(|_| "must be a string with a JSON object".to_owned())
}

fn check_provider(
    providers: ChannelProviders,
    channel: Channel,
    provider: &str,
) -> Result<(), ApiError> {
    let configured = channel.delivered().and_then(|it| providers.name(it));
    if configured == Some(provider) {
        return Ok(());
    }
    let message = match configured {
        Some(configured) => format!("the provider of {channel} is {configured}"),
        None => format!("{channel} has no provider"),
    };
    Err(ApiError::bad_request(
        "provider_not_configured",
        format!("Another provider is configured: {message}"),
        vec![ErrorDetail::new("provider", message)],
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use tidings_domain::providers::EmailProvider;
    use tidings_requests::NewNotification;

    use super::*;

    const USER: &str = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a";

    const PROVIDERS: ChannelProviders = ChannelProviders {
        email: Some(EmailProvider::Smtp),
        sms: None,
        push: None,
        webhook: None,
    };

    fn with(message_type: &str, provider: Option<&str>, payload: &str) -> Result<String, ApiError> {
        let body = json!({"user_id": USER, "message_type": message_type, "provider": provider, "payload": payload});
        translate(body.to_string().as_bytes(), PROVIDERS)
    }

    #[test]
    fn a_notification_is_translated() {
        let payload = r#" {"subject": "Hi", "text": "Ho"} "#;
        let body = with("email", Some("smtp"), payload).expect("valid");
        let new = NewNotification::parse(body.as_bytes()).expect("valid");
        assert_eq!(new.channel, Channel::Email);
        assert_eq!(new.payload.get(), payload.trim());
        assert!(with("in_app", None, "{}").is_ok());
    }

    #[test]
    fn another_provider_than_the_configured_one_is_refused() {
        for (message_type, provider) in
            [("email", "sendgrid"), ("sms", "twilio"), ("in-app", "smtp")]
        {
            let error = with(message_type, Some(provider), "{}").expect_err(provider);
            assert_eq!(error.code, "provider_not_configured", "{message_type}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let body = br#"{"user_id": 7, "message_type": "pigeon", "payload": {}, "type": "sms"}"#;
        let error = translate(body, PROVIDERS).expect_err("wrong");
        let fields: Vec<_> = error.details.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(fields, ["user_id", "message_type", "payload", "type"]);
    }

    proptest! {
        #[test]
        fn no_payload_adds_a_field(text in ".*") {
            if let Ok(body) = with("in-app", None, &text) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok());
            }
            let more = format!(r#"{{}}, "sensitive": {text}"#);
            prop_assert!(with("in-app", None, &more).is_err());
        }
    }
}
