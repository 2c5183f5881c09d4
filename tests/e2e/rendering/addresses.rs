//! Addresses come from the variables or from the user's contacts; the text comes only from the template.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::tokens;

use super::SandboxInstallation;

async fn installation() -> SandboxInstallation {
    let installation = SandboxInstallation::new().await;
    for (template, body) in [
        (
            "hi/email/default",
            json!({"subject": "Hello", "text": "To {{ to }}"}),
        ),
        ("hi/sms/default", json!({"text": "Hello"})),
        (
            "hi/push/default",
            json!({"subject": "Hello", "text": "{{ data.order }}"}),
        ),
        (
            "own/email/default",
            json!({"subject": "Hello", "text": "To you", "html": "<p>To you</p>"}),
        ),
    ] {
        installation.put(template, &body).await;
    }
    installation
}

/// Posts a notification with these variables. Returns the sent message.
async fn sent(
    installation: &SandboxInstallation,
    channel: &str,
    name: &str,
    variables: &Value,
) -> Value {
    let id = installation
        .post(channel, &json!({"name": name}), variables)
        .await;
    installation.sent(channel, id).await
}

#[tokio::test]
async fn addresses_in_the_variables_are_used() {
    let installation = installation().await;
    let _worker = installation.world.worker().await;
    let variables = json!({
        "to": "anna@example.org",
        "from": "Shop <shop@example.com>",
        "replyTo": "help@example.com",
        "unsubscribeUrl": "https://example.com/unsubscribe?id=1",
    });
    let email = sent(&installation, "email", "hi", &variables).await;
    for (name, value) in variables.as_object().expect("variables") {
        assert_eq!(email[name], *value);
    }
    // Addresses are variables as well.
    assert_eq!(email["text"], "To anna@example.org");
    for name in ["to", "phoneNumber"] {
        let sms = sent(&installation, "sms", "hi", &json!({name: "+4915112345678"})).await;
        assert_eq!(sms["to"], "+4915112345678");
    }
    let variables = json!({"to": "a-device", "data": {"order": "7"}});
    let push = sent(&installation, "push", "hi", &variables).await;
    assert_eq!(
        (&push["to"], &push["body"]),
        (&json!("a-device"), &json!("7"))
    );
    assert_eq!(push["data"], variables["data"]);
}

#[tokio::test]
async fn without_an_address_the_users_contacts_are_used() {
    let installation = installation().await;
    let _worker = installation.world.worker().await;
    let client = installation.client();
    let contacts = format!("/api/users/{}/contacts", installation.world.user);
    for (method, path, body) in [
        (Method::PUT, "email", json!({"email": "own@example.org"})),
        (
            Method::POST,
            "phone-numbers",
            json!({"number": "+4915187654321"}),
        ),
        (
            Method::POST,
            "device-tokens",
            json!({"token": "own-device"}),
        ),
    ] {
        let request = client.request(method, &format!("{contacts}/{path}"));
        let answer = client.send(request.json(&body)).await;
        assert!(answer.status < 300, "{}", answer.text);
    }
    // A caller who may send only to their own user sets no address and needs none.
    let own = client.with_token(tokens::scoped(
        installation.world.user,
        "notifications:send templates:write",
    ));
    for (channel, name, to) in [
        ("email", "own", "own@example.org"),
        ("sms", "hi", "+4915187654321"),
    ] {
        let mut body = json!({
            "targetUserId": installation.world.user,
            "type": channel,
            "template": {"name": name},
            "payload": {},
        });
        let id = own.post(&body).await.accepted();
        assert_eq!(installation.sent(channel, id).await["to"], to);
        body["payload"]["to"] = to.into();
        own.post(&body).await.assert_error(403, "forbidden");
    }
    let push = sent(
        &installation,
        "push",
        "hi",
        &json!({"data": {"order": "7"}}),
    )
    .await;
    assert_eq!(push["to"], "own-device");
}

#[tokio::test]
async fn variables_do_not_replace_the_template() {
    let installation = installation().await;
    let _worker = installation.world.worker().await;
    let variables = json!({
        "to": "anna@example.org",
        "subject": "Win", "text": "Click", "body": "Click",
        "html": "<a>Click</a>", "htmlContent": "<a>Click</a>",
    });
    let email = sent(&installation, "email", "hi", &variables).await;
    assert_eq!(
        (&email["subject"], &email["text"], &email["html"]),
        (&json!("Hello"), &json!("To anna@example.org"), &Value::Null)
    );
    let variables = json!({
        "to": "a-device", "title": "Win", "body": "Click", "subject": "Win", "data": {"order": "7"},
    });
    let push = sent(&installation, "push", "hi", &variables).await;
    assert_eq!(
        (&push["title"], &push["body"]),
        (&json!("Hello"), &json!("7"))
    );
}
