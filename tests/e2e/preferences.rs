//! Preferences over HTTP, and what is sent after them.

use std::sync::Mutex;

use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::{Channel, MessageId};
use tidings_tests::{Answer, Client, MockHttpServer, Response, World, notification, tokens};

use crate::delivery::{accepted_response, sms, world};

async fn patch(client: &Client, path: &str, choices: &Value) -> Answer {
    let request = client.request(Method::PATCH, path);
    let body = json!({"preferences": choices});
    client.send(request.json(&body)).await
}

/// A cell of the grid: whether it is sent, and why.
fn cell(answer: &Answer, category: &str, channel: &str) -> (bool, String) {
    let find = |list: &Value, field: &str, name: &str| {
        let mut items = list.as_array().expect("a list").iter();
        let found = items.find(|item| item[field] == name);
        found
            .unwrap_or_else(|| panic!("{name}: {}", answer.text))
            .clone()
    };
    let row = find(&answer.body["categories"], "name", category);
    let cell = find(&row["channels"], "channel", channel);
    let choice = &cell["choice"];
    let because = cell["because"].as_str().expect("a reason");
    let because = match choice {
        Value::Null => because.to_owned(),
        _ => format!(
            "{}/{} {}",
            choice["category"].as_str().expect("a category"),
            choice["channel"].as_str().expect("a channel"),
            choice["source"].as_str().expect("a source")
        ),
    };
    (cell["effective"] == true, because)
}

/// The categories of the grid, and whether they are locked.
fn rows(answer: &Answer) -> Vec<(String, bool)> {
    let rows = answer.body["categories"].as_array().expect("a list").iter();
    rows.map(|row| {
        let name = row["name"].as_str().expect("a name");
        (name.to_owned(), row["locked"] == true)
    })
    .collect()
}

async fn make_categories(client: &Client) {
    for (name, body) in [
        (
            "news",
            json!({"kind": "marketing", "defaults": {"sms": false}}),
        ),
        ("orders", json!({})),
        ("alarm", json!({"kind": "critical"})),
        ("hidden", json!({"listed": false})),
    ] {
        let request = client.request(Method::PUT, &format!("/api/categories/{name}"));
        let put = client.send(request.json(&body)).await;
        assert_eq!(put.status, 201, "{}", put.text);
    }
}

#[tokio::test]
async fn a_user_sees_and_changes_what_is_sent_and_why() {
    let world = World::new().await;
    let api = world.api().await;
    let service = api.client();
    make_categories(&service).await;
    let user = world.user;
    let own = service.with_token(tokens::scoped(user, "preferences:write"));
    let path = format!("/api/users/{user}/preferences");
    let me = "/api/me/preferences";

    let first = own.get(me).await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(own.get(&path).await.body, first.body);
    assert_eq!(first.body["preferences"], json!([]));
    let expected = [
        ("*", false),
        ("alarm", true),
        ("news", false),
        ("orders", false),
        ("security", true),
    ];
    assert_eq!(
        rows(&first),
        expected.map(|(name, locked)| (name.to_owned(), locked))
    );
    for (category, channel, effective, because) in [
        ("*", "email", true, "nothing_chosen"),
        ("news", "sms", false, "default"),
        ("news", "email", true, "nothing_chosen"),
        ("alarm", "sms", true, "critical"),
    ] {
        let expected = (effective, because.to_owned());
        assert_eq!(
            cell(&first, category, channel),
            expected,
            "{category} {channel}"
        );
    }

    let second = patch(
        &own,
        me,
        &json!([
            {"category": "news", "channel": "*", "enabled": true},
            {"category": "*", "channel": "push", "enabled": false},
            {"category": "orders", "channel": "in-app", "enabled": false},
        ]),
    )
    .await;
    assert_eq!(second.status, 200, "{}", second.text);
    for (category, channel, effective, because) in [
        ("news", "sms", true, "news/* user"),
        ("news", "push", false, "*/push user"),
        ("*", "push", false, "*/push user"),
        ("orders", "in-app", false, "orders/in-app user"),
        ("orders", "email", true, "nothing_chosen"),
        ("alarm", "push", true, "critical"),
    ] {
        let expected = (effective, because.to_owned());
        assert_eq!(
            cell(&second, category, channel),
            expected,
            "{category} {channel}"
        );
    }

    for (choices, code) in [
        (
            json!([{"category": "alarm", "channel": "*", "enabled": false}]),
            "category_locked",
        ),
        (
            json!([{"category": "gone", "channel": "*", "enabled": false}]),
            "unknown_category",
        ),
        (
            json!([{"category": "news", "channel": "fax", "enabled": false}]),
            "invalid_fields",
        ),
        (json!([]), "invalid_fields"),
    ] {
        patch(&own, me, &choices).await.assert_error(400, code);
    }
    let reset = json!([{"category": "gone", "channel": "*", "enabled": null}, {"category": "news", "channel": "*", "enabled": null}]);
    let third = patch(&own, &path, &reset).await;
    assert_eq!(cell(&third, "news", "sms"), (false, "default".to_owned()));
    let other = world.database.user().await;
    let of_other = format!("/api/users/{other}/preferences");
    assert_eq!(own.get(&of_other).await.status, 403);
    let nobody = "/api/users/00000000-0000-4000-8000-000000000009/preferences";
    let admin = service.with_token(tokens::scoped(user, "admin"));
    let off = json!([{"category": "*", "channel": "*", "enabled": false}]);
    patch(&admin, nobody, &off)
        .await
        .assert_error(404, "not_found");
    admin.get(nobody).await.assert_error(404, "not_found");
    let unscoped = service.with_token(tokens::scoped(user, "notifications:read"));
    unscoped.get(me).await.assert_error(403, "forbidden");
}

/// In-app notifications have no claim: the intake decides.
#[tokio::test]
async fn what_is_not_wanted_is_recorded_as_suppressed_whoever_has_chosen() {
    let world = World::new().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let service = api.client();
    make_categories(&service).await;
    let user = world.user;
    let own = service.with_token(tokens::scoped(user, "preferences:write"));
    let off = json!([{"category": "orders", "channel": "in-app", "enabled": false}]);
    let chosen = patch(&own, "/api/me/preferences", &off).await;
    assert_eq!(chosen.status, 200, "{}", chosen.text);
    let posted = async |category: Value| {
        let mut body = notification(user, Channel::InApp);
        body["category"] = category;
        service.post(&body).await.accepted()
    };
    for (category, status) in [
        (json!("orders"), "suppressed"),
        (json!("news"), "processed"),
        (Value::Null, "processed"),
    ] {
        let id = posted(category).await;
        world.until_status(id, status).await;
        if status == "suppressed" {
            let found = service.get(&format!("/api/notifications/{id}")).await;
            let mut expected = json!({"outcome": "suppress", "reason": "preference", "rule": "preferences", "until": null});
            expected["choice"] = chosen.body["preferences"][0].clone();
            assert_eq!(expected["choice"]["source"], "user");
            assert_eq!(found.body["decision"], expected);
            let path = format!("/api/notifications?targetUserId={user}");
            let list = service.get(&path).await.body;
            assert_eq!(list["notifications"][0]["decision"], expected, "{list}");
        }
    }
    // An operator changes the master switch; the user is told by whom.
    let admin = service.with_token(tokens::scoped(user, "admin audit:read"));
    let other = world.database.user().await;
    let off = json!([{"category": "*", "channel": "*", "enabled": false}]);
    let of_other = format!("/api/users/{other}/preferences");
    let by_admin = patch(&admin, &of_other, &off).await;
    assert_eq!(
        cell(&by_admin, "orders", "sms"),
        (false, "*/* admin".to_owned())
    );
    let log = admin.get("/api/audit?action=preferences.update").await;
    let entries = log.body["entries"].as_array().expect("a list");
    assert_eq!(entries.len(), 1, "{}", log.text);
    assert_eq!(entries[0]["details"]["preferences"], json!(["*/*: off"]));
    let mut body = notification(other, Channel::InApp);
    for (category, status) in [(Value::Null, "suppressed"), (json!("alarm"), "processed")] {
        body["category"] = category;
        let id = service.post(&body).await.accepted();
        world.until_status(id, status).await;
    }
}

/// The provider fails the first attempt; before it answers, the recipient says no.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_choice_between_two_attempts_nothing_more_is_sent() {
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let twilio = MockHttpServer::start(move |request| {
        if !String::from_utf8_lossy(&request.body).contains("unwanted") {
            return accepted_response();
        }
        let _ = arrived.send(());
        // Fails once the test has ended.
        let _ = may_go_on.lock().expect("one request at a time").recv();
        Response::status(500)
    })
    .await;
    let world = world(&twilio, &[]).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    make_categories(&client).await;
    let own = client.with_token(tokens::scoped(world.user, "preferences:write"));
    let post = async |text: &str, category: &str| -> MessageId {
        let mut body = sms(&world, text);
        body["category"] = json!(category);
        client.post(&body).await.accepted()
    };
    let id = post("unwanted", "orders").await;
    arrivals.recv().await.expect("the first attempt");
    let off = json!([{"category": "orders", "channel": "sms", "enabled": false}]);
    let answer = patch(&own, "/api/me/preferences", &off).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    go_on.send(()).expect("the provider waits");
    world.until_status(id, "suppressed").await;
    let reason = format!("message_id = '{id}' AND reason = 'preference' AND retries_attempted = 1");
    assert_eq!(world.database.count(&reason).await, 1);
    let alarm = post("alarm", "alarm").await;
    world.until_status(alarm, "processed").await;
    assert_eq!(twilio.count(), 2);
}
