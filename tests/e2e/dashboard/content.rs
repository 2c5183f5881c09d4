//! What the recipient of a notification reads.

use serde_json::{Value, json};
use tidings_tests::{Client, World, tokens};
use uuid::Uuid;

use super::Browser;
use crate::audit::execute;
use crate::templates::put;

const PREVIEW_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'self'; sandbox";

/// How many readings of a notification are in the audit log.
async fn readings(client: &Client, id: Uuid) -> usize {
    let path = format!("/api/audit?action=notification.payload&target={id}");
    let answer = client.get(&path).await;
    answer.body["entries"].as_array().expect("entries").len()
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "each kind of content, and each reader"
)]
async fn the_content_is_what_the_recipient_reads_and_each_reading_is_audited() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let name = format!("t-{}", Uuid::now_v7());
    for number in 1..=2 {
        let body = json!({
            "subject": format!("v{number} {{{{ name }}}}"), "text": format!("v{number} {{{{ name }}}}"),
            "html": format!("<b>v{number} {{{{ name }}}}</b><script>alert(1)</script>"),
        });
        let path = format!("/api/templates/{name}/email/default");
        assert_eq!(put(&client, &path, &body).await.status, 201);
    }
    let ids: Vec<Uuid> = (0..8).map(|_| Uuid::now_v7()).collect();
    let [
        sent,
        waiting,
        sms,
        in_app,
        sensitive,
        erased,
        wrong,
        webhook,
    ] = ids[..]
    else {
        panic!("eight");
    };
    let user = world.user;
    let sql = format!(
        "INSERT INTO notifications (id, message_id, user_id, type, status, created_at, payload, template_name, sensitive,
                                    payload_removed_at)
         VALUES (gen_random_uuid(), '{sent}', '{user}', 'email', 'processed', now(), '{{\"name\": \"<A>\"}}', '{name}', NULL, NULL),
                (gen_random_uuid(), '{waiting}', '{user}', 'email', 'pending', now(), '{{\"name\": \"B\"}}', '{name}', NULL, NULL),
                (gen_random_uuid(), '{sms}', '{user}', 'sms', 'pending', now(), '{{\"text\": \"Hi\"}}', NULL, NULL, NULL),
                (gen_random_uuid(), '{in_app}', '{user}', 'in-app', 'processed', now(),
                 '{{\"title\": \"T\", \"message\": \"M\"}}', NULL, NULL, NULL),
                (gen_random_uuid(), '{sensitive}', '{user}', 'sms', 'pending', now(), '{{\"text\": \"4711\"}}', NULL, true, NULL),
                (gen_random_uuid(), '{erased}', '{user}', 'sms', 'processed', now(), '{{}}', NULL, NULL, now()),
                (gen_random_uuid(), '{wrong}', '{user}', 'email', 'failed', now(), '{{\"a\": 1}}', '{name}', NULL, NULL),
                (gen_random_uuid(), '{webhook}', '{user}', 'webhook', 'pending', now(),
                 '{{\"event\": \"paid\", \"data\": {{\"n\": 1}}}}', NULL, NULL, NULL);
         INSERT INTO delivery_attempts (message_id, attempt, provider, started_at, duration_ms, outcome, template_name,
                                        template_locale, template_version)
         VALUES ('{sent}', 0, 'smtp', now(), 10, 'failed', '{name}', 'default', 2),
                ('{sent}', 1, 'smtp', now(), 10, 'delivered', '{name}', 'default', 1)"
    );
    execute(&world.database.pool, &sql).await.expect("rows");

    // What is read, by whoever may read payloads.
    for (id, query, expected) in [
        (
            sent,
            "",
            json!({"attempt": 1, "subject": "v1 <A>", "text": "v1 <A>",
                   "html": "<b>v1 &lt;A&gt;</b><script>alert(1)</script>", "error": null,
                   "template": {"name": name, "channel": "email", "locale": "default", "version": 1}}),
        ),
        (
            sent,
            "?attempt=0",
            json!({"attempt": 0, "subject": "v2 <A>"}),
        ),
        (
            waiting,
            "",
            json!({"attempt": null, "subject": "v2 B", "type": "email"}),
        ),
        (
            sms,
            "",
            json!({"text": "Hi", "subject": null, "html": null, "template": null}),
        ),
        (in_app, "", json!({"subject": "T", "text": "M"})),
        (webhook, "", json!({"subject": "paid", "text": "{\"n\":1}"})),
        (
            sensitive,
            "",
            json!({"text": null, "payloadHidden": true, "error": null}),
        ),
        (erased, "", json!({"text": null, "payloadHidden": false})),
        (
            wrong,
            "",
            json!({"text": null, "error": "the template cannot be rendered: subject, line 1: the variable name is missing"}),
        ),
    ] {
        let answer = client
            .get(&format!("/api/notifications/{id}/content{query}"))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        for (member, value) in expected.as_object().expect("an object") {
            assert_eq!(
                answer.body[member], *value,
                "{id} {member}: {}",
                answer.text
            );
        }
        assert!(!answer.text.contains("4711"));
        assert_eq!(
            answer.body["payloadRemovedAt"].is_string(),
            id == erased,
            "{}",
            answer.text
        );
    }

    // Each role, and the user, whose own reading is not audited.
    let path = |tail: &str| format!("/api/notifications/{waiting}/content{tail}");
    let before = readings(&client, waiting).await;
    for (number, role) in ["viewer", "operator", "admin"].into_iter().enumerate() {
        let browser = Browser::with_link(&world, &client, role).await;
        let answer = browser.get(&path("")).await;
        assert_eq!(answer.status, 200, "{role}: {}", answer.text);
        let page = browser.get(&path("/html")).await;
        assert_eq!(page.status, 200, "{role}: {}", page.text);
        assert_eq!(page.text, "<b>v2 B</b><script>alert(1)</script>");
        assert_eq!(page.header("Content-Type"), "text/html; charset=utf-8");
        assert_eq!(page.header("Content-Security-Policy"), PREVIEW_POLICY);
        assert_eq!(page.header("Cache-Control"), "no-store");
        assert_eq!(readings(&client, waiting).await, before + 2 * (number + 1));
        // With what was read, the page is no other reading.
        let reading = answer.body["readingId"].as_str().expect("an id");
        let page = browser
            .get(&path(&format!("/html?reading={reading}")))
            .await;
        assert_eq!(page.status, 200, "{role}: {}", page.text);
        assert_eq!(readings(&client, waiting).await, before + 2 * (number + 1));
        // What quotes a template is for those who may write templates.
        let failed = browser
            .get(&format!("/api/notifications/{wrong}/content"))
            .await;
        let quotes = failed.body["error"]
            .as_str()
            .is_some_and(|error| error.contains("name is missing"));
        assert_eq!(quotes, role != "viewer", "{role}: {}", failed.text);
    }
    readings_are_shown_again_to_their_reader_only(&client, sent, waiting).await;
    let before = readings(&client, waiting).await;
    let own = client.with_token(tokens::scoped(user, "notifications:read"));
    let other = client.with_token(tokens::scoped(Uuid::now_v7().into(), "notifications:read"));
    let none = client.with_token(tokens::scoped(user, "inbox"));
    for (reader, status) in [
        (&own, 200),
        (&other, 404),
        (&none, 403),
        (&client.anonymous(), 401),
    ] {
        for tail in ["", "/html"] {
            let answer = reader.get(&path(tail)).await;
            assert_eq!(answer.status, status, "{tail}: {}", answer.text);
        }
    }
    assert_eq!(readings(&client, waiting).await, before);

    for (id, query, status, code) in [
        (sms, "/html", 404, "no_html"),
        (sensitive, "/html", 404, "no_html"),
        (Uuid::now_v7(), "", 404, "not_found"),
        (sent, "?attempt=-1", 400, "invalid_query"),
        (sent, "/html?attempts=1", 400, "invalid_query"),
        (sent, "/html?reading=1", 400, "invalid_query"),
        (
            sent,
            "?reading=019ac9a5-0000-7000-8000-000000000000",
            400,
            "invalid_query",
        ),
    ] {
        let path = format!("/api/notifications/{id}/content{query}");
        let answer = client.get(&path).await;
        answer.assert_error(status, code);
        let policy = answer.header("Content-Security-Policy");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    }

    // The tool.
    let before = readings(&client, sent).await;
    let shown = world.tidings(&["--json", "notifications", "content", &sent.to_string()]);
    let report: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    assert_eq!(
        (&report["subject"], &report["attempt"]),
        (&json!("v1 <A>"), &json!(1))
    );
    let shown = world.tidings(&["notifications", "content", &sent.to_string(), "--html"]);
    let shown = String::from_utf8(shown.stdout).expect("UTF-8");
    assert!(shown.starts_with("<b>v1 &lt;A&gt;</b>"), "{shown}");
    assert_eq!(readings(&client, sent).await, before + 2);
}

/// The HTML of a reading has no entry of its own. Everything else is another reading.
async fn readings_are_shown_again_to_their_reader_only(client: &Client, sent: Uuid, waiting: Uuid) {
    let other = client.with_token(tokens::signed(&json!({"userId": Uuid::now_v7()})));
    let read = async |id: Uuid| {
        let answer = client
            .get(&format!("/api/notifications/{id}/content"))
            .await;
        answer.body["readingId"].as_str().expect("an id").to_owned()
    };
    let (of_sent, of_waiting) = (read(sent).await, read(waiting).await);
    for (reader, id, query, more) in [
        (client, sent, format!("reading={of_sent}"), 0),
        (client, sent, format!("attempt=1&reading={of_sent}"), 0),
        (client, sent, format!("attempt=0&reading={of_sent}"), 1),
        (client, sent, format!("reading={of_waiting}"), 1),
        (client, sent, format!("reading={}", Uuid::now_v7()), 1),
        (client, waiting, format!("reading={of_waiting}"), 0),
        (&other, sent, format!("reading={of_sent}"), 1),
    ] {
        let before = readings(client, id).await;
        let page = reader
            .get(&format!("/api/notifications/{id}/content/html?{query}"))
            .await;
        assert_eq!(page.status, 200, "{query}: {}", page.text);
        assert_eq!(readings(client, id).await, before + more, "{query}");
    }
}
