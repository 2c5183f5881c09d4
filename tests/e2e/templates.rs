//! Templates over HTTP: permissions and versions.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tidings_db::demo;
use tidings_tests::secret_keys::{KEY, keys};
use tidings_tests::{Answer, Client, World, origin, tokens};

const WELCOME: &str = "/api/templates/welcome/email/de";

pub(crate) async fn put(client: &Client, path: &str, body: &Value) -> Answer {
    client
        .send(client.request(Method::PUT, path).json(body))
        .await
}

async fn delete(client: &Client, path: &str) -> Answer {
    client.send(client.request(Method::DELETE, path)).await
}

pub(crate) async fn preview(client: &Client, name: &str, body: &Value) -> Answer {
    let path = format!("/api/templates/{name}/preview");
    client
        .send(client.request(Method::POST, &path).json(body))
        .await
}

fn email(text: &str) -> Value {
    json!({"subject": "Hello {{ name }}", "text": text, "html": "<p>Hello {{ name }}</p>"})
}

#[tokio::test]
async fn a_template_is_written_read_listed_and_deleted() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    client.get(WELCOME).await.assert_error(404, "not_found");

    let answer = put(&client, WELCOME, &email("one")).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let expected = json!({"name": "welcome", "channel": "email", "locale": "de", "version": 1});
    for (field, value) in expected.as_object().expect("fields") {
        assert_eq!(answer.body[field], *value);
    }
    // Another spelling of the locale is the same template.
    let answer = put(&client, "/api/templates/welcome/email/DE", &email("two")).await;
    assert_eq!(
        (answer.status, &answer.body["version"]),
        (201, &json!(2)),
        "{}",
        answer.text
    );

    let newest = client.get(WELCOME).await.body;
    assert_eq!(
        (&newest["version"], &newest["text"], &newest["subject"]),
        (&json!(2), &json!("two"), &json!("Hello {{ name }}"))
    );
    let first = client.get(&format!("{WELCOME}?version=1")).await.body;
    assert_eq!(
        (&first["version"], &first["text"]),
        (&json!(1), &json!("one"))
    );
    client
        .get(&format!("{WELCOME}?version=3"))
        .await
        .assert_error(404, "not_found");
    let listed = client.get("/api/templates").await.body;
    assert_eq!(
        (
            listed["templates"][0]["version"].clone(),
            listed["templates"].as_array().map(Vec::len)
        ),
        (json!(2), Some(1))
    );
    let of_name = client.get("/api/templates/welcome").await.body;
    assert_eq!(of_name["templates"], listed["templates"]);

    assert_eq!(delete(&client, WELCOME).await.status, 204);
    delete(&client, WELCOME)
        .await
        .assert_error(404, "not_found");
    client.get(WELCOME).await.assert_error(404, "not_found");
    client
        .get("/api/templates/welcome")
        .await
        .assert_error(404, "not_found");
    let versions = client.get(&format!("{WELCOME}/versions")).await.body;
    let numbers: Vec<_> = versions["templates"]
        .as_array()
        .expect("versions")
        .iter()
        .map(|v| v["version"].clone())
        .collect();
    assert_eq!(numbers, [2, 1]);
    assert!(versions["templates"][0]["deletedAt"].is_string());
    assert_eq!(
        client.get(&format!("{WELCOME}?version=1")).await.body["text"],
        "one"
    );
    assert_eq!(
        put(&client, WELCOME, &email("three")).await.body["version"],
        3
    );
}

#[tokio::test]
async fn concurrent_puts_create_a_version_each() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let body = email("at once");
    let puts = (0..16).map(|_| put(&client, WELCOME, &body));
    let answers = futures_util::future::join_all(puts).await;
    let numbers: BTreeSet<i64> = answers
        .iter()
        .inspect(|answer| assert_eq!(answer.status, 201, "{}", answer.text))
        .filter_map(|answer| answer.body["version"].as_i64())
        .collect();
    assert_eq!(numbers, (1..=16).collect());
}

#[tokio::test]
async fn templates_need_their_own_scope() {
    let world = World::new().await;
    let api = world.api().await;
    let body = json!({"channel": "email", "variables": {"name": "Anna"}});
    for (scope, may) in [
        ("templates:write", true),
        ("admin", true),
        ("", false),
        ("notifications:send:any notifications:read", false),
    ] {
        let client = api.client().with_token(tokens::scoped(world.user, scope));
        let answers = [
            put(
                &client,
                "/api/templates/welcome/email/default",
                &email("hi"),
            )
            .await,
            client.get("/api/templates/welcome/email/default").await,
            client
                .get("/api/templates/welcome/email/default/versions")
                .await,
            client.get("/api/templates/welcome").await,
            client.get("/api/templates").await,
            preview(&client, "welcome", &body).await,
            delete(&client, "/api/templates/welcome/email/default").await,
        ];
        for answer in answers {
            if may {
                assert!(answer.status < 300, "{scope}: {}", answer.text);
            } else {
                answer.assert_error(403, "forbidden");
            }
        }
    }
    api.client()
        .anonymous()
        .get("/api/templates")
        .await
        .assert_error(401, "unauthorized");
}

/// They are given the tokens with which users log in.
#[tokio::test]
async fn only_an_admin_writes_the_templates_of_accounts() {
    let (world, api) = World::shared().await;
    let admin = api.client();
    let editor = admin.with_token(tokens::scoped(world.user, "templates:write"));
    let path = "/api/templates/account-of-a-test/email/de";
    let body = json!({"subject": "Hello", "text": "{{ token }}"});
    put(&editor, path, &body)
        .await
        .assert_error(403, "account_template");
    assert_eq!(put(&admin, path, &body).await.status, 201);
    let read = editor.get(path).await;
    assert_eq!(read.status, 200, "{}", read.text);
    delete(&editor, path)
        .await
        .assert_error(403, "account_template");
    assert_eq!(delete(&admin, path).await.status, 204);
}

#[tokio::test]
async fn invalid_fields_of_a_template_are_named() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let all = json!({"subject": "s", "text": "t", "html": "h"});
    for (path, body, code, fields) in [
        (
            "a/email/de",
            json!({"text": "t"}),
            "missing_fields",
            vec!["subject"],
        ),
        (
            "a/push/de",
            json!({"text": "t"}),
            "missing_fields",
            vec!["subject"],
        ),
        (
            "a/sms/de",
            all.clone(),
            "invalid_fields",
            vec!["html", "subject"],
        ),
        ("a/push/de", all.clone(), "invalid_fields", vec!["html"]),
        (
            "a/email/de",
            json!({"subject": 1, "text": "", "htm": ""}),
            "invalid_request",
            vec!["htm", "subject", "text"],
        ),
        ("a/in-app/de", all.clone(), "invalid_path", vec!["channel"]),
        ("a/webhook/de", all.clone(), "invalid_path", vec!["channel"]),
        (
            "A/email/german",
            all.clone(),
            "invalid_path",
            vec!["locale", "name"],
        ),
        (
            "a/email/de",
            json!({"subject": "s", "text": "t", "html": "<p>\n{% if x %}"}),
            "invalid_template",
            vec!["html"],
        ),
        (
            "a/email/de",
            json!({"subject": "{{ x|nothing }}", "text": "t"}),
            "invalid_template",
            vec!["subject"],
        ),
        (
            "a/email/de",
            json!({"subject": "s", "text": "a\u{0}b"}),
            "invalid_template",
            vec!["text"],
        ),
        (
            "a/sms/de",
            json!({"text": "{{ 'x' * 100000000 }}"}),
            "invalid_template",
            vec!["text"],
        ),
        ("a/sms/de", json!([1]), "invalid_json", vec![]),
    ] {
        let answer = put(&client, &format!("/api/templates/{path}"), &body).await;
        answer.assert_error(400, code);
        assert_eq!(answer.fields(), fields, "{path} {body}");
    }
    let answer = put(
        &client,
        "/api/templates/a/sms/de",
        &json!({"text": "a\n\n{{ b "}),
    )
    .await;
    let message = answer.body["details"][0]["message"]
        .as_str()
        .expect("a message");
    assert!(message.starts_with("line 3: "), "{message}");
    assert_eq!(
        client.get("/api/templates").await.body["templates"],
        json!([])
    );

    let raw = client
        .request(Method::PUT, WELCOME)
        .header("Content-Type", "text/plain")
        .body("{}");
    client
        .send(raw)
        .await
        .assert_error(415, "unsupported_media_type");
    let long = json!({"text": "x".repeat(2_000_000)});
    put(&client, "/api/templates/a/sms/de", &long)
        .await
        .assert_error(413, "payload_too_large");
    client
        .send(client.request(Method::PATCH, WELCOME))
        .await
        .assert_error(405, "method_not_allowed");
}

#[tokio::test]
async fn a_list_continues_after_the_previous_page() {
    let world = World::new().await;
    demo::seed(&world.database.pool, &keys(KEY), &origin())
        .await
        .expect("seeded");
    let api = world.api().await;
    let client = api.client();
    let whole = client.get("/api/templates").await.body;
    let whole = whole["templates"].as_array().expect("templates");
    assert_eq!(whole.len(), demo::DEMO_TEMPLATES.len());
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client
            .get(&format!("/api/templates?limit=3{cursor}"))
            .await
            .body;
        all.extend(
            page["templates"]
                .as_array()
                .expect("templates")
                .iter()
                .cloned(),
        );
        let Some(next) = page["nextCursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(all, *whole);
    let answer = client
        .get("/api/templates?limit=0&cursor=x&color=red")
        .await;
    answer.assert_error(400, "invalid_query");
    assert_eq!(answer.fields(), ["color", "cursor", "limit"]);
}
