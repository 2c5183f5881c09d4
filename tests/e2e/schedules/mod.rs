//! `/api/schedules`, and recurring schedules from the API to the provider.

mod changing;
mod permissions;
mod previews;
mod running;
mod tool;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::UserId;
use tidings_tests::{Answer, Client, World};

const ALL: &str = "/api/schedules";

async fn send(client: &Client, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let request = client.request(method, path);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    client.send(request).await
}

async fn post(client: &Client, path: &str, body: &Value) -> Answer {
    send(client, Method::POST, path, Some(body)).await
}

/// `pause` or `resume`.
async fn command(client: &Client, path: &str, command: &str) -> Answer {
    send(client, Method::POST, &format!("{path}/{command}"), None).await
}

async fn patch(client: &Client, path: &str, body: &Value) -> Answer {
    send(client, Method::PATCH, path, Some(body)).await
}

async fn delete(client: &Client, path: &str) -> Answer {
    send(client, Method::DELETE, path, None).await
}

/// The body of a valid request, with `more` members added or replaced.
fn schedule(user: UserId, more: &Value) -> Value {
    let mut body = json!({
        "targetUserId": user, "type": "in-app", "payload": {"title": "Your report"},
        "cron": "0 9 * * 1", "timezone": "Europe/Berlin",
    });
    let members = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(members);
    body
}

/// Creates a schedule. Returns its path and the response's body.
async fn create(client: &Client, user: UserId, more: &Value) -> (String, Value) {
    let answer = post(client, ALL, &schedule(user, more)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let path = format!("{ALL}/{}", answer.body["id"].as_str().expect("an id"));
    assert_eq!(answer.header("Location"), path);
    (path, answer.body)
}

fn time(value: &Value) -> Timestamp {
    let text = value.as_str().unwrap_or_else(|| panic!("no time: {value}"));
    text.parse().expect("RFC 3339")
}

/// Runs a statement that changes one row.
async fn change_one(world: &World, sql: &str) {
    let changed = world
        .database
        .pool
        .run(async |client| Ok(client.execute(sql, &[]).await?))
        .await;
    assert_eq!(changed.expect("the statement"), 1, "{sql}");
}

#[tokio::test]
async fn a_schedule_is_created_read_listed_and_deleted() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let before = Timestamp::now();
    let more = json!({"group": "reports", "ttlSecs": 600, "graceSecs": 120});
    let (path, created) = create(&client, world.user, &more).await;
    assert!(time(&created["nextAt"]) > before);
    for (field, expected) in [
        ("targetUserId", json!(world.user)),
        ("type", json!("in-app")),
        ("payload", json!({"title": "Your report"})),
        ("cron", json!("0 9 * * 1")),
        ("timezone", json!("Europe/Berlin")),
        ("group", json!("reports")),
        ("ttlSecs", json!(600)),
        ("graceSecs", json!(120)),
        ("startsAt", Value::Null),
        ("lastAt", Value::Null),
        ("lastMessageId", Value::Null),
        ("paused", json!(false)),
        ("reason", Value::Null),
        ("skipped", json!(0)),
    ] {
        assert_eq!(created[field], expected, "{field}");
    }
    let found = client.get(&path).await;
    assert_eq!((found.status, &found.body), (200, &created));
    let (_, second) = create(&client, world.user, &json!({})).await;
    let first_page = client.get(&format!("{ALL}?limit=1")).await;
    assert_eq!(first_page.body["schedules"], json!([second]));
    let cursor = first_page.body["nextCursor"].as_str().expect("a cursor");
    let last_page = client.get(&format!("{ALL}?limit=1&cursor={cursor}")).await;
    assert_eq!(last_page.body["schedules"], json!([created]));
    assert_eq!(last_page.body["nextCursor"], Value::Null);
    assert_eq!(delete(&client, &path).await.status, 204);
    delete(&client, &path).await.assert_error(404, "not_found");
    client.get(&path).await.assert_error(404, "not_found");
}

#[tokio::test]
async fn a_schedule_that_is_wrong_is_refused() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let refused = async |more: Value| post(&client, ALL, &schedule(world.user, &more)).await;
    for (more, status, code, fields) in [
        (json!({"cron": "0 0 31 2 *"}), 400, "cron_never", "cron"),
        (
            json!({"endsAt": "2020-01-01T00:00:00Z"}),
            400,
            "cron_never",
            "cron",
        ),
        (
            json!({"startsAt": "2027-02-01T00:00:00Z", "endsAt": "2027-01-01T00:00:00Z"}),
            400,
            "ends_before_start",
            "endsAt",
        ),
        (json!({"cron": "@daily"}), 400, "invalid_fields", "cron"),
        (
            json!({"cron": "0 0 9 * * 1"}),
            400,
            "invalid_fields",
            "cron",
        ),
        (
            json!({"timezone": "Mars/Base"}),
            400,
            "invalid_fields",
            "timezone",
        ),
        (json!({"graceSecs": 59}), 400, "invalid_fields", "graceSecs"),
        (
            json!({"sendAt": "2027-01-01T00:00:00Z"}),
            400,
            "invalid_fields",
            "sendAt",
        ),
        (
            json!({"type": "sms"}),
            400,
            "missing_fields",
            "payload.text",
        ),
        (
            json!({"payload": {"a": "\u{0}"}}),
            400,
            "invalid_fields",
            "payload",
        ),
        (
            json!({"type": "webhook", "payload": {"to": "http://127.0.0.1/", "event": "a", "data": {}}}),
            400,
            "invalid_fields",
            "payload.to",
        ),
        (
            json!({"targetUserId": uuid::Uuid::now_v7()}),
            404,
            "not_found",
            "",
        ),
    ] {
        let answer = refused(more.clone()).await;
        answer.assert_error(status, code);
        assert_eq!(answer.fields().join(" "), fields, "{more}");
    }
    let five_fields = refused(json!({"cron": "@daily"})).await;
    let message = five_fields.body["details"][0]["message"].as_str();
    let message = message.expect("a message");
    assert!(
        message.contains("must have five fields: minute, hour"),
        "{message}"
    );
    let large = json!({"payload": {"title": "x".repeat(2_000_000)}});
    refused(large).await.assert_error(413, "payload_too_large");
    let text = client.request(Method::POST, ALL).body("text");
    client
        .send(text)
        .await
        .assert_error(415, "unsupported_media_type");
    for path in ["x", "x/pause", "x/resume", "x/preview"] {
        let method = if path.ends_with('e') {
            Method::POST
        } else {
            Method::GET
        };
        let answer = send(&client, method, &format!("{ALL}/{path}"), None).await;
        answer.assert_error(400, "invalid_schedule_id");
    }
}

#[tokio::test]
async fn a_repeated_request_with_a_key_creates_no_second_schedule() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let with_key = async |client: &Client, body: &str| {
        let request = client.request(Method::POST, ALL);
        let request = request
            .header("Idempotency-Key", "weekly-report")
            .header("Content-Type", "application/json");
        client.send(request.body(body.to_owned())).await
    };
    let body = schedule(world.user, &json!({}));
    let first = with_key(&client, &body.to_string()).await;
    assert_eq!(first.status, 201, "{}", first.text);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    // Spaces and order of the fields do not matter.
    let spaced = format!("{body:#}");
    let again = with_key(&client, &spaced).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("Idempotency-Replayed"), "true");
    let other = schedule(world.user, &json!({"cron": "0 10 * * 1"}));
    let reused = with_key(&client, &other.to_string()).await;
    reused.assert_error(422, "idempotency_key_reused");
    let list = client.get(ALL).await;
    assert_eq!(list.body["schedules"].as_array().map(Vec::len), Some(1));
    let another_caller = tidings_tests::tokens::signed(&json!({"sub": "shop", "scope": "admin"}));
    let another = with_key(&client.with_token(another_caller), &other.to_string()).await;
    assert_eq!(another.status, 201, "{}", another.text);
    assert_ne!(another.body["id"], first.body["id"]);
}
