//! The fields of each channel's payload, and who may set addresses.

use serde_json::{Value, json};
use tidings_domain::notification::Channel;
use tidings_tests::{World, eventually, notification, secs, tokens};
use uuid::Uuid;

/// A valid notification for the user with more members in its payload.
fn with(world: &World, channel: Channel, members: &Value) -> Value {
    let mut body = notification(world.user, channel);
    for (name, value) in members.as_object().expect("members") {
        body["payload"][name] = value.clone();
    }
    body
}

#[tokio::test]
async fn all_missing_fields_of_a_payload_are_named() {
    let (world, api) = World::shared().await;
    for (channel, lacking) in [
        (Channel::Email, vec!["payload.subject", "payload.text"]),
        (Channel::Sms, vec!["payload.text"]),
        (Channel::Push, vec!["payload.body", "payload.title"]),
        (Channel::Webhook, vec!["payload.data", "payload.event"]),
    ] {
        // A field that is null counts as missing.
        for payload in [
            json!({}),
            json!({"subject": null, "text": null, "data": null}),
        ] {
            let mut body = notification(world.user, channel);
            body["payload"] = payload;
            let answer = api.client().post(&body).await;
            answer.assert_error(400, "missing_fields");
            assert_eq!(answer.fields(), lacking, "{channel}");
            for field in &lacking {
                assert!(answer.body["message"].to_string().contains(field));
            }
        }
    }
    let mut anything = world.in_app();
    anything["payload"] = json!({});
    let _ = api.client().post(&anything).await.accepted();
    world.until_recorded(1).await;
}

#[tokio::test]
async fn invalid_fields_of_a_payload_are_named() {
    let (world, api) = World::shared().await;
    for (channel, field, value) in [
        (Channel::Email, "subject", json!("")),
        (Channel::Email, "subject", json!(7)),
        (Channel::Email, "subject", json!("a".repeat(251))),
        (Channel::Email, "text", json!("  ")),
        (Channel::Email, "html", json!({})),
        (Channel::Email, "to", json!("me")),
        (Channel::Email, "to", json!(["anna@example.com"])),
        (Channel::Email, "to", json!("Anna <anna@example.com>")),
        (Channel::Email, "from", json!("Anna")),
        (Channel::Email, "replyTo", json!("@example.com")),
        (
            Channel::Email,
            "unsubscribeUrl",
            json!("http://example.com/"),
        ),
        (Channel::Sms, "text", json!(["Hi"])),
        (Channel::Sms, "text", json!("a".repeat(1601))),
        (Channel::Sms, "to", json!("0151 12345678")),
        (Channel::Sms, "phoneNumber", json!("+1234567")),
        (Channel::Push, "title", json!("")),
        (Channel::Push, "body", json!("a".repeat(4001))),
        (Channel::Push, "data", json!("text")),
        (Channel::Push, "data", json!({"google.c": "1"})),
        (Channel::Push, "to", json!("two words")),
        (Channel::Webhook, "event", json!("a".repeat(257))),
        (Channel::Webhook, "to", json!("example.com")),
        (
            Channel::Webhook,
            "to",
            json!("https://anna:secret@example.com/"),
        ),
        (Channel::Webhook, "endpointId", json!("7")),
    ] {
        let body = with(&world, channel, &json!({field: value}));
        let answer = api.client().post(&body).await;
        answer.assert_error(400, "invalid_fields");
        assert_eq!(answer.fields(), [format!("payload.{field}")], "{body}");
        assert!(!answer.text.contains("secret"), "{}", answer.text);
    }
}

/// Tries to add header fields with line breaks.
#[tokio::test]
async fn header_injection_is_refused() {
    let (world, api) = World::shared().await;
    for field in ["subject", "to", "from", "replyTo", "unsubscribeUrl"] {
        let valid = match field {
            "subject" => "Hello",
            "unsubscribeUrl" => "https://example.com/stop",
            _ => "anna@example.com",
        };
        let body = with(&world, Channel::Email, &json!({field: valid}));
        let _ = api.client().post(&body).await.accepted();
        for injected in [
            "\r\nBcc: eve@example.com",
            "\nBcc: eve@example.com",
            "\r\n\r\nAnother body",
            "\rBcc: eve@example.com",
            "\u{0b}Bcc: eve@example.com",
            "\u{85}Bcc: eve@example.com",
        ] {
            let members = json!({field: format!("{valid}{injected}")});
            let answer = api
                .client()
                .post(&with(&world, Channel::Email, &members))
                .await;
            answer.assert_error(400, "invalid_fields");
            assert_eq!(answer.fields(), [format!("payload.{field}")], "{members}");
        }
    }
}

#[tokio::test]
async fn alternative_field_names_are_accepted_and_the_payload_is_recorded_unchanged() {
    let (world, api) = World::shared().await;
    let posts = [
        (
            Channel::Email,
            json!({"to": "anna@example.com", "subject": "Hi", "body": "Text", "htmlContent": "<p>Text</p>"}),
        ),
        (
            Channel::Sms,
            json!({"phoneNumber": "+4915112345678", "message": "Hi", "more": [1, null]}),
        ),
        (
            Channel::Push,
            json!({"title": "Hi", "body": "Text", "data": {"order": 7}}),
        ),
        (
            Channel::Webhook,
            json!({"event": "order.shipped", "data": false}),
        ),
    ];
    for (channel, payload) in posts {
        let mut body = notification(world.user, channel);
        body["payload"] = payload.clone();
        let answer = api.client().post(&body).await;
        let (_, location) = (answer.accepted(), answer.header("Location").to_owned());
        eventually(secs(20), "it is recorded", async || {
            api.client().get(&location).await.status == 200
        })
        .await;
        let read = api.client().get(&location).await.body;
        assert_eq!(read["payload"], payload);
        assert_eq!(read.get("template"), None);
    }
}

#[tokio::test]
async fn only_callers_who_may_send_to_anyone_may_set_addresses() {
    let (world, api) = World::shared().await;
    let token = |scope| tokens::scoped(world.user, scope);
    let own = api.client().with_token(token("notifications:send"));
    let any = api.client().with_token(token("notifications:send:any"));
    for channel in Channel::ALL {
        let _ = own
            .post(&notification(world.user, channel))
            .await
            .accepted();
    }
    for (channel, field, address) in [
        (Channel::Email, "to", "eve@example.com"),
        (Channel::Email, "from", "The Bank <bank@example.com>"),
        (Channel::Email, "replyTo", "eve@example.com"),
        (
            Channel::Email,
            "unsubscribeUrl",
            "https://eve.example/?id=1",
        ),
        (Channel::Sms, "to", "+4915112345678"),
        (Channel::Sms, "phoneNumber", "+4915112345678"),
        (Channel::Push, "to", "a-device-token"),
        (Channel::Webhook, "to", "https://example.com/hooks"),
    ] {
        let mut body = with(&world, channel, &json!({field: address}));
        own.post(&body).await.assert_error(403, "forbidden");
        let _ = any.post(&body).await.accepted();
        let _ = api.client().post(&body).await.accepted();
        if channel != Channel::Webhook {
            body["template"] = json!({"name": "welcome"});
            own.post(&body).await.assert_error(403, "forbidden");
            let _ = any.post(&body).await.accepted();
        }
    }
    // A blank address counts as missing.
    let body = with(&world, Channel::Email, &json!({"to": "", "replyTo": " "}));
    let _ = own.post(&body).await.accepted();
    // An endpoint of the user is not an address that the caller chooses.
    let body = with(
        &world,
        Channel::Webhook,
        &json!({"endpointId": Uuid::now_v7()}),
    );
    let _ = own.post(&body).await.accepted();
}

/// The texts of a template are those of the operator.
#[tokio::test]
async fn only_callers_who_may_read_templates_or_send_to_anyone_may_use_them() {
    let (world, api) = World::shared().await;
    let mut body = notification(world.user, Channel::Email);
    body["template"] = json!({"name": "welcome"});
    for (scope, expected) in [
        ("notifications:send", 403),
        ("notifications:send notifications:read contacts:write", 403),
        ("notifications:send templates:write", 202),
        ("notifications:send:any", 202),
        ("admin", 202),
    ] {
        let client = api.client().with_token(tokens::scoped(world.user, scope));
        let answer = client.post(&body).await;
        assert_eq!(answer.status, expected, "{scope}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_template_is_recorded_with_its_variables() {
    let (world, api) = World::shared().await;
    for template in [
        json!({"name": "welcome", "locale": "de-AT"}),
        json!({"name": "a"}),
    ] {
        let mut body = notification(world.user, Channel::Email);
        body["payload"] = json!({"name": "Anna", "orders": [1, 2]});
        body["template"] = template.clone();
        let answer = api.client().post(&body).await;
        let (_, location) = (answer.accepted(), answer.header("Location").to_owned());
        eventually(secs(20), "it is recorded", async || {
            api.client().get(&location).await.status == 200
        })
        .await;
        let read = api.client().get(&location).await.body;
        assert_eq!(read["template"], template);
        assert_eq!(read["payload"], body["payload"]);
    }
}

#[tokio::test]
async fn an_invalid_or_misplaced_template_is_refused() {
    let (world, api) = World::shared().await;
    for channel in [Channel::InApp, Channel::Webhook] {
        let mut body = notification(world.user, channel);
        body["template"] = json!({"name": "welcome"});
        let answer = api.client().post(&body).await;
        answer.assert_error(400, "invalid_fields");
        assert_eq!(answer.fields(), ["template"]);
        assert!(
            answer.text.contains("email, sms and push"),
            "{}",
            answer.text
        );
    }
    for (template, code, field) in [
        (json!("welcome"), "invalid_fields", "template"),
        (json!({}), "missing_fields", "template.name"),
        (
            json!({"name": "../secrets"}),
            "invalid_fields",
            "template.name",
        ),
        (
            json!({"name": "a", "locale": "de\n"}),
            "invalid_fields",
            "template.locale",
        ),
        (
            json!({"name": "a", "colour": 1}),
            "unknown_fields",
            "template.colour",
        ),
    ] {
        let mut body = notification(world.user, Channel::Sms);
        body["template"] = template;
        let answer = api.client().post(&body).await;
        answer.assert_error(400, code);
        assert_eq!(answer.fields(), [field]);
    }
}

#[tokio::test]
async fn a_channel_without_a_provider_is_refused_with_the_setting_to_change() {
    for (channel, variable) in [
        (Channel::Email, "EMAIL_PROVIDER"),
        (Channel::Sms, "SMS_PROVIDER"),
        (Channel::Push, "PUSH_PROVIDER"),
        (Channel::Webhook, "WEBHOOK_PROVIDER"),
    ] {
        let world = World::with(&[(variable, "")]).await;
        let api = world.api().await;
        for other in Channel::ALL {
            let answer = api.client().post(&notification(world.user, other)).await;
            if other == channel {
                answer.assert_error(400, "channel_not_configured");
                assert!(answer.text.contains(variable), "{}", answer.text);
            } else {
                let _ = answer.accepted();
            }
        }
    }
}

#[tokio::test]
async fn a_webhook_to_an_internal_address_is_refused_unless_it_is_allowed() {
    let world = World::new().await;
    let allowing = World::with(&[
        ("WEBHOOK_ALLOW_HOSTS", "hooks.corp"),
        ("WEBHOOK_ALLOW_NETS", "127.0.0.0/8,169.254.0.0/16"),
    ])
    .await;
    let (strict, open) = tokio::join!(world.api(), allowing.api());
    for url in [
        "http://127.0.0.1:8080/",
        "https://127.1/",
        "http://hooks.corp/a",
        "http://169.254.169.254/latest/meta-data/",
    ] {
        let body = with(&world, Channel::Webhook, &json!({"to": url}));
        let answer = strict.client().post(&body).await;
        answer.assert_error(400, "invalid_fields");
        assert_eq!(answer.fields(), ["payload.to"], "{url}");
        let _ = open.client().post(&body).await.accepted();
    }
}
