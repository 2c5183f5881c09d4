//! The message for the body of a POST.

use serde_json::Value;
use tidings_proto::tidings_v1::new_notification::SendAt;
use tidings_proto::tidings_v1::{DigestRef, LocalTime, NewNotification, TemplateRef};

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => panic!("no message holds {other}"),
    }
}

/// The message that asks for the same as `body`.
pub fn message(body: &Value, key: Option<&str>) -> NewNotification {
    let payload = &body["payload"];
    NewNotification {
        target_user_id: text(&body["targetUserId"]),
        r#type: text(&body["type"]),
        payload: (!payload.is_null()).then(|| payload.to_string()),
        template: body["template"].as_object().map(|template| TemplateRef {
            name: template.get("name").and_then(text),
            locale: template.get("locale").and_then(text),
        }),
        send_at: match &body["sendAt"] {
            Value::Object(time) => Some(SendAt::SendAtLocal(LocalTime {
                local: time.get("local").and_then(text),
                timezone: time.get("timezone").and_then(text),
            })),
            other => text(other).map(SendAt::SendAtInstant),
        },
        expires_at: text(&body["expiresAt"]),
        ttl_secs: body["ttlSecs"].as_u64().and_then(|n| n.try_into().ok()),
        group: text(&body["group"]),
        sensitive: body["sensitive"].as_bool(),
        category: text(&body["category"]),
        digest: body["digest"].as_object().map(|digest| DigestRef {
            key: digest.get("key").and_then(text),
        }),
        idempotency_key: key.map(str::to_owned),
    }
}
