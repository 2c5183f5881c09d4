//! The sent message equals the preview.

use serde_json::{Value, json};
use tidings_db::demo;
use tidings_tests::origin;
use tidings_tests::secret_keys::{KEY, keys};

use super::SandboxInstallation;

/// The fields of a preview, and of a sent message, for each channel.
const PARTS: [(&str, &[(&str, &str)]); 3] = [
    (
        "email",
        &[("subject", "subject"), ("text", "text"), ("html", "html")],
    ),
    ("sms", &[("text", "text")]),
    ("push", &[("subject", "title"), ("text", "body")]),
];

/// The address of each channel's messages.
fn address(channel: &str) -> &'static str {
    match channel {
        "email" => "anna@example.org",
        "sms" => "+4915112345678",
        _ => "a-device",
    }
}

/// Posts a notification and checks that the sent message equals the preview. Returns the preview.
async fn assert_sent_as_previewed(
    installation: &SandboxInstallation,
    channel: &str,
    [name, locale]: [&str; 2],
    variables: &Value,
) -> Value {
    let mut variables = variables.clone();
    variables["to"] = address(channel).into();
    let asked = json!({"channel": channel, "locale": locale, "variables": variables});
    let preview = installation.preview(name, &asked).await;
    let template = json!({"name": name, "locale": locale});
    let id = installation.post(channel, &template, &variables).await;
    let sent = installation.sent(channel, id).await;
    assert_eq!(sent["to"], address(channel));
    let parts = PARTS.iter().find(|(of, _)| *of == channel);
    for (previewed, written) in parts.expect("a channel with templates").1 {
        assert_eq!(sent[written], preview[previewed], "{name} {channel}");
    }
    let attempts = installation.client().attempts(id).await;
    assert_eq!(attempts.len(), 1, "{attempts:?}");
    for field in ["name", "locale", "version"] {
        assert_eq!(attempts[0]["template"][field], preview["template"][field]);
    }
    preview
}

#[tokio::test]
async fn the_sent_message_equals_the_preview() {
    let installation = SandboxInstallation::new().await;
    let _worker = installation.world.worker().await;
    let text = "{{ name }}: {% for item in items %}{{ loop.index }}. {{ item.name }} at {{ item.price }}\n{% endfor %}{{ all }}";
    let subject = "{{ name }}:\n {{ items|length }} things ";
    let html = "<p title=\"{{ name }}\">{{ name }}</p>{% if gift %}<b>{{ gift }}</b>{% endif %}";
    for (template, body) in [
        (
            "order/email/default",
            json!({"subject": subject, "text": text, "html": html}),
        ),
        ("order/sms/default", json!({"text": text})),
        (
            "order/push/default",
            json!({"subject": subject, "text": text}),
        ),
    ] {
        installation.put(template, &body).await;
    }
    let variables = json!({
        "name": "<Zoë> & \"Söhne\" 'Ltd'\r\nBcc: x@example.com",
        "items": [{"price": 1.10, "name": "Köln"}, {"price": 12_345_678_901_i64, "name": "\u{1f381}"}],
        "gift": false,
        "all": {"zz": 1, "a": [true, 0.1], "mm": {"b": "x"}},
    });
    for (channel, _) in PARTS {
        let preview =
            assert_sent_as_previewed(&installation, channel, ["order", "de-AT"], &variables).await;
        assert_eq!(preview["template"]["locale"], "default");
        if channel == "email" {
            assert_eq!(
                preview["subject"],
                "<Zoë> & \"Söhne\" 'Ltd' Bcc: x@example.com: 2 things"
            );
        }
    }
}

/// PostgreSQL keeps a number's value but not its spelling; the preview does not use PostgreSQL.
#[tokio::test]
async fn numbers_in_any_spelling_are_sent_as_previewed() {
    let installation = SandboxInstallation::new().await;
    let _worker = installation.world.worker().await;
    let text = "{% for n in numbers %}{{ n }} {{ n is integer }}; {% endfor %}";
    installation
        .put("numbers/sms/default", &json!({ "text": text }))
        .await;
    for spelled in [
        "1e3",
        "1E+3",
        "1000.0",
        "1.50",
        "15e-1",
        "-0",
        "-0.0",
        "1e18",
        "1.0e+15",
        "1e19",
        "1e25",
        "1e-7",
        "0.1",
        "9007199254740993",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "-1e18",
    ] {
        let variables = format!(r#"{{"to": "+4915112345678", "numbers": [{spelled}]}}"#);
        let body = format!(r#"{{"channel": "sms", "variables": {variables}}}"#);
        let client = installation.client();
        let request = client
            .request(reqwest::Method::POST, "/api/templates/numbers/preview")
            .header("content-type", "application/json");
        let preview = client.send(request.body(body)).await;
        let user = installation.world.user;
        let body = format!(
            r#"{{"targetUserId": "{user}", "type": "sms", "template": {{"name": "numbers"}}, "payload": {variables}}}"#
        );
        let posted = client.post_raw("application/json", body).await;
        let sent = installation.sent("sms", posted.accepted()).await;
        assert_eq!(sent["text"], preview.body["text"], "{spelled}");
    }
}

#[tokio::test]
async fn html_is_escaped_in_the_sent_message() {
    let installation = SandboxInstallation::new().await;
    let _worker = installation.world.worker().await;
    let body = json!({
        "subject": "For {{ name }}",
        "text": "Hello {{ name }}",
        "html": "<a href=\"{{ url }}\">{{ name }}</a>{{ name|upper }}",
    });
    installation.put("hi/email/default", &body).await;
    let variables = json!({
        "to": "anna@example.org",
        "name": "<script>alert('x')</script>",
        "url": "https://example.com/?a=1&b=\" onclick=\"x",
    });
    let id = installation
        .post("email", &json!({"name": "hi"}), &variables)
        .await;
    let sent = installation.sent("email", id).await;
    let html = sent["html"].as_str().expect("HTML");
    assert!(
        html.starts_with("<a href=\"https://example.com/?a=1&amp;b=&quot; onclick=&quot;x\">"),
        "{html}"
    );
    assert!(!html.to_lowercase().contains("<script"), "{html}");
    assert!(html.contains("&lt;SCRIPT&gt;"), "{html}");
    // Text is not escaped.
    assert_eq!(sent["text"], "Hello <script>alert('x')</script>");
    assert_eq!(sent["subject"], "For <script>alert('x')</script>");
}

#[tokio::test]
async fn every_example_of_the_demo_data_is_sent_as_previewed() {
    let installation = SandboxInstallation::new().await;
    demo::seed(&installation.world.database.pool, &keys(KEY), &origin())
        .await
        .expect("seeded");
    let _worker = installation.world.worker().await;
    for example in demo::DEMO_TEMPLATES {
        let variables: Value = serde_json::from_str(example.variables).expect("variables");
        let template = [example.name, example.locale];
        let preview = assert_sent_as_previewed(
            &installation,
            example.channel.as_str(),
            template,
            &variables,
        )
        .await;
        assert_eq!(preview["template"]["locale"], example.locale);
    }
}

/// A preview, whose variables were never in the table, and the message show the digits that the table has.
#[tokio::test]
async fn numbers_have_all_their_digits_in_the_preview_and_in_the_message() {
    let installation = SandboxInstallation::new().await;
    let _worker = installation.world.worker().await;
    let source = json!({"text": "{{ price }} {{ big }} {{ whole }} {{ price * 2 }}"});
    installation.put("price/sms/default", &source).await;
    let variables =
        r#"{"to": "+4915112345678", "price": 10.10, "big": 18446744073709551616, "whole": 1e3}"#;
    let expected = "10.10 18446744073709551616 1000 20.2";
    let client = installation.client();
    let body = format!(r#"{{"channel": "sms", "variables": {variables}}}"#);
    let preview = client
        .request(reqwest::Method::POST, "/api/templates/price/preview")
        .header("Content-Type", "application/json")
        .body(body);
    assert_eq!(client.send(preview).await.body["text"], expected);
    let user = installation.world.user;
    let body = format!(
        r#"{{"targetUserId": "{user}", "type": "sms", "template": {{"name": "price"}}, "payload": {variables}}}"#
    );
    // Some clients send a byte order mark.
    let body = format!("\u{feff}{body}");
    let id = client.post_raw("application/json", body).await.accepted();
    assert_eq!(installation.sent("sms", id).await["text"], expected);
}
