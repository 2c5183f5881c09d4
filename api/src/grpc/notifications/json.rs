//! The JSON of a message: what a client of the HTTP API would send for the same notification.

use serde::Serialize;
use serde_json::value::RawValue;
use tidings_proto::tidings_v1::new_notification::SendAt;
use tidings_proto::tidings_v1::{NewNotification, SendBatchRequest};

use crate::error::{ApiError, ErrorDetail};

/// The members of a notification. Those that the message lacks are left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    target_user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<TemplateMembers<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    send_at: Option<SendAtMember<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_secs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sensitive: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<DigestMembers<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<&'a str>,
}

#[derive(Serialize)]
struct DigestMembers<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

#[derive(Serialize)]
struct TemplateMembers<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum SendAtMember<'a> {
    Instant(&'a str),
    Local {
        #[serde(skip_serializing_if = "Option::is_none")]
        local: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        timezone: Option<&'a str>,
    },
}

#[derive(Serialize)]
struct Batch<'a> {
    notifications: Vec<Members<'a>>,
}

/// The body of `POST /api/notifications`. The idempotency key is not part of it.
///
/// # Errors
///
/// Returns 400 if the payload is not JSON.
pub fn notification(message: &NewNotification) -> Result<Vec<u8>, ApiError> {
    let members = Members {
        idempotency_key: None,
        ..members(message, "payload")?
    };
    serde_json::to_vec(&members).map_err(ApiError::internal)
}

/// The body of `POST /api/notifications/batch`.
///
/// # Errors
///
/// Returns 400 if a payload is not JSON.
pub fn batch(message: &SendBatchRequest) -> Result<Vec<u8>, ApiError> {
    let messages = message.notifications.iter().enumerate();
    let members = messages
        .map(|(index, message)| members(message, &format!("notifications[{index}].payload")));
    let batch = Batch {
        notifications: members.collect::<Result<_, _>>()?,
    };
    serde_json::to_vec(&batch).map_err(ApiError::internal)
}

/// `path` names the payload in an error.
fn members<'a>(message: &'a NewNotification, path: &str) -> Result<Members<'a>, ApiError> {
    let payload = message.payload.as_deref().map(serde_json::from_str);
    let payload = payload.transpose().map_err(|error| {
        let message = format!("{path} is not JSON: {error}");
        let details = vec![ErrorDetail::new(path, "must be the text of a JSON object")];
        ApiError::bad_request("invalid_json", message, details)
    })?;
    Ok(Members {
        target_user_id: message.target_user_id.as_deref(),
        r#type: message.r#type.as_deref(),
        payload,
        template: message.template.as_ref().map(|template| TemplateMembers {
            name: template.name.as_deref(),
            locale: template.locale.as_deref(),
        }),
        send_at: message.send_at.as_ref().map(|send_at| match send_at {
            SendAt::SendAtInstant(instant) => SendAtMember::Instant(instant),
            SendAt::SendAtLocal(time) => SendAtMember::Local {
                local: time.local.as_deref(),
                timezone: time.timezone.as_deref(),
            },
        }),
        expires_at: message.expires_at.as_deref(),
        ttl_secs: message.ttl_secs,
        group: message.group.as_deref(),
        sensitive: message.sensitive,
        category: message.category.as_deref(),
        digest: message.digest.as_ref().map(|digest| DigestMembers {
            key: digest.key.as_deref(),
        }),
        idempotency_key: message.idempotency_key.as_deref(),
    })
}

#[cfg(test)]
mod tests {
    use tidings_domain::notification::Fingerprint;
    use tidings_proto::tidings_v1::{DigestRef, LocalTime, TemplateRef};
    use tidings_requests::NewNotification as Parsed;

    use super::*;

    fn message() -> NewNotification {
        NewNotification {
            target_user_id: Some("9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a".to_owned()),
            r#type: Some("email".to_owned()),
            payload: Some(r#" {"total": 12345678901234567890.10, "a": null} "#.to_owned()),
            template: Some(TemplateRef {
                name: Some("order".to_owned()),
                locale: Some("de".to_owned()),
            }),
            send_at: Some(SendAt::SendAtLocal(LocalTime {
                local: Some("2027-03-28T09:00".to_owned()),
                timezone: Some("Europe/Berlin".to_owned()),
            })),
            expires_at: None,
            ttl_secs: Some(60),
            group: Some("a".to_owned()),
            sensitive: Some(true),
            category: Some("order-updates".to_owned()),
            digest: Some(DigestRef {
                key: Some("order-17".to_owned()),
            }),
            idempotency_key: Some("order-17".to_owned()),
        }
    }

    #[test]
    fn a_message_and_the_body_of_a_post_have_the_same_fingerprint() {
        let body = br#"{"targetUserId": "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a", "type": "email",
            "payload": {"total": 12345678901234567890.10, "a": null},
            "template": {"name": "order", "locale": "de"},
            "sendAt": {"local": "2027-03-28T09:00", "timezone": "Europe/Berlin"},
            "ttlSecs": 60, "group": "a", "sensitive": true, "category": "order-updates",
            "digest": {"key": "order-17"}}"#;
        let json = notification(&message()).expect("JSON");
        let of = |json: &[u8]| Fingerprint::of(&Parsed::parse(json).expect("valid").given());
        assert_eq!(of(&json), of(body));
        let other = NewNotification {
            payload: Some("{}".to_owned()),
            ..message()
        };
        assert_ne!(of(&notification(&other).expect("JSON")), of(body));
    }

    #[test]
    fn a_payload_cannot_add_members() {
        for payload in ["", "{", r#"{}, "type": "sms""#, "{} {}", "\u{feff}{}"] {
            let message = NewNotification {
                payload: Some(payload.to_owned()),
                ..message()
            };
            let error = notification(&message).expect_err(payload);
            assert_eq!(error.code, "invalid_json");
            assert_eq!(error.details[0].field, "payload");
            let batch_of = SendBatchRequest {
                notifications: vec![message],
            };
            let error = batch(&batch_of).expect_err(payload);
            assert_eq!(error.details[0].field, "notifications[0].payload");
        }
    }

    #[test]
    fn what_a_message_lacks_is_left_out() {
        let json = notification(&NewNotification::default()).expect("JSON");
        assert_eq!(json, b"{}");
        let json = batch(&SendBatchRequest::default()).expect("JSON");
        assert_eq!(json, br#"{"notifications":[]}"#);
    }
}
