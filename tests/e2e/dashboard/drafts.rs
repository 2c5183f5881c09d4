//! Templates that are being written.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{World, tokens};
use uuid::Uuid;

use super::Browser;
use crate::audit::execute;

const PREVIEW: &str = "/api/template-drafts/preview";
const PAGE: &str = "/api/template-drafts/preview/html";

#[tokio::test]
async fn a_draft_is_rendered_part_by_part_with_each_problem_at_its_line() {
    let (_world, api) = World::shared().await;
    let client = api.client();
    let preview = async |body: Value| {
        let request = client.request(Method::POST, PREVIEW).json(&body);
        client.send(request).await
    };
    let good = json!({"channel": "email", "subject": "Hi {{ n }}", "text": "t", "html": "<b>{{ n }}</b>",
                      "variables": {"n": "<A>"}});
    let answer = preview(good).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let expected =
        json!({"subject": "Hi <A>", "text": "t", "html": "<b>&lt;A&gt;</b>", "problems": []});
    assert_eq!(answer.body, expected);

    let wrong = json!({"channel": "email", "subject": "s", "text": "Hello\n\nyour order {{ order.number }}\n",
                       "html": "<p>\n<b>\n{% if %}", "variables": {"order": {}}});
    let answer = preview(wrong).await;
    assert_eq!(
        (&answer.body["subject"], &answer.body["text"]),
        (&json!("s"), &Value::Null)
    );
    let problems = answer.body["problems"].as_array().expect("problems");
    let shown: Vec<_> = problems
        .iter()
        .map(|one| (&one["part"], &one["line"], &one["code"]))
        .collect();
    let (text, html) = (json!("text"), json!("html"));
    let (missing, syntax, three) = (json!("missing_variable"), json!("syntax_error"), json!(3));
    assert_eq!(shown, [(&text, &three, &missing), (&html, &three, &syntax)]);
    assert!(problems[0]["column"].is_u64(), "{}", answer.text);
    assert_eq!(
        problems[0]["message"],
        "the variable order.number is missing"
    );

    let long = json!({"channel": "sms", "text": "{{ n }}", "variables": {"n": "x".repeat(2000)}});
    let answer = preview(long).await;
    assert_eq!(answer.body["problems"][0]["code"], "not_sendable");
    assert_eq!(answer.body["problems"][0]["part"], "text");
    for (body, code, fields) in [
        (
            json!({"channel": "webhook", "text": 7, "more": 1}),
            "invalid_request",
            vec!["channel", "more", "text", "variables"],
        ),
        (
            json!({"channel": "sms", "subject": "s", "text": "", "variables": {}}),
            "invalid_fields",
            vec!["subject"],
        ),
    ] {
        let answer = preview(body).await;
        answer.assert_error(400, code);
        assert_eq!(answer.fields(), fields);
    }
    // As large as a template that is saved may be.
    let large = json!({"channel": "sms", "text": "x".repeat(70_000), "variables": {}});
    preview(large).await.assert_error(413, "payload_too_large");
}

#[tokio::test]
async fn a_form_of_the_dashboard_shows_a_draft_in_a_frame_and_no_other_page_does() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let draft = json!({"channel": "email", "subject": "s", "text": "t", "html": "<b>{{ n }}</b>",
                       "variables": {"n": "ä & <i>"}});
    let form = [("draft", draft.to_string())];
    let (viewer, operator) = tokio::join!(
        Browser::with_link(&world, &client, "viewer"),
        Browser::with_link(&world, &client, "operator")
    );
    // What a browser sends with a form, which has no X-CSRF-Token. By http, there is no Sec-Fetch-Site.
    let own = client.url("");
    let sent = |browser: &Browser, origin: &str, site: Option<&str>| {
        let request = browser.request(Method::POST, PAGE).form(&form);
        let request = request.header("Origin", origin);
        match site {
            Some(site) => request.header("Sec-Fetch-Site", site),
            None => request,
        }
    };
    let shown = operator.send(sent(&operator, &own, None)).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    assert_eq!(shown.text, "<b>ä &amp; &lt;i&gt;</b>");
    assert_eq!(shown.header("Content-Type"), "text/html; charset=utf-8");
    assert_eq!(shown.header("Referrer-Policy"), "no-referrer");
    assert_eq!(
        shown.header("Content-Security-Policy"),
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'self'; sandbox"
    );
    for (browser, origin, site, code) in [
        (&viewer, &*own, None, "forbidden"),
        (&operator, "null", None, "foreign_origin"),
        (&operator, "null", Some("same-origin"), "foreign_origin"),
        (&operator, "https://evil.example", None, "foreign_origin"),
    ] {
        let answer = browser.send(sent(browser, origin, site)).await;
        answer.assert_error(403, code);
    }
    // No other path is excused.
    let request = operator.request(Method::POST, PREVIEW).json(&draft);
    let request = request.header("Origin", &own);
    let answer = operator.send(request).await;
    answer.assert_error(403, "csrf_token_required");

    let post = |fields: &[(&str, &str)]| client.request(Method::POST, PAGE).form(fields);
    let text = r#"{"channel": "sms", "text": "t", "variables": {}}"#;
    let json = client.request(Method::POST, PAGE).json(&draft);
    for (request, status, code) in [
        (post(&[("draft", text)]), 404, "no_html"),
        (post(&[("draft", "{")]), 400, "invalid_json"),
        (post(&[("other", text)]), 400, "invalid_request"),
        (
            post(&[("draft", text), ("draft", text)]),
            400,
            "invalid_request",
        ),
        (json, 415, "unsupported_media_type"),
    ] {
        client.send(request).await.assert_error(status, code);
    }
    let anonymous = client.anonymous().request(Method::POST, PAGE).form(&form);
    client
        .anonymous()
        .send(anonymous)
        .await
        .assert_error(401, "unauthorized");
}

#[tokio::test]
async fn a_template_says_where_it_is_used() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let name = format!("t-{}", Uuid::now_v7());
    let schedule = Uuid::now_v7();
    let sql = format!(
        "INSERT INTO schedules (id, sender, target_user_id, type, payload, template_name, template_locale, cron, timezone, paused)
         VALUES ('{schedule}', 'shop', '{user}', 'email', '{{}}', '{name}', 'de', '0 9 * * 1', 'UTC', true)",
        user = world.user
    );
    execute(&world.database.pool, &sql)
        .await
        .expect("a schedule");
    let expected = json!({
        "accounts": false, "category": null, "more": false,
        "schedules": [{"id": schedule, "type": "email", "locale": "de", "cron": "0 9 * * 1", "paused": true}],
    });
    let viewer = client.with_token(tokens::scoped(Uuid::now_v7().into(), "dashboard"));
    let uses = async |name: &str| viewer.get(&format!("/api/templates/{name}/uses")).await;
    assert_eq!(uses(&name).await.body, expected);
    assert_eq!(uses("account-reset").await.body["accounts"], true);
    let unused = json!({"accounts": false, "category": null, "more": false, "schedules": []});
    assert_eq!(uses("digest%2Fnone").await.body, unused);
    uses("UPPER%20CASE").await.assert_error(400, "invalid_path");
    let other = client.with_token(tokens::scoped(world.user, "inbox"));
    other
        .get(&format!("/api/templates/{name}/uses"))
        .await
        .assert_error(403, "forbidden");
}
