//! Lists, counts and changes.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::MessageId;
use tidings_tests::{World, tokens};

use super::{INBOX, ids, notify, notify_user, own, post};

#[tokio::test]
async fn a_user_lists_counts_and_changes_the_own_inbox() {
    let (world, api) = World::shared().await;
    let (service, client) = (api.client(), own(&api.client(), world.user));
    let sent = notify(&world, &service, 4).await;

    let list = client.get(INBOX).await;
    assert_eq!(list.status, 200, "{}", list.text);
    assert_eq!(
        ids(&list.body),
        sent.iter().rev().copied().collect::<Vec<_>>()
    );
    assert_eq!(list.body["nextCursor"], Value::Null);
    let item = &list.body["items"][0];
    assert_eq!(
        (&item["readAt"], &item["archivedAt"]),
        (&Value::Null, &Value::Null)
    );
    // Otherwise an item is the notification.
    let path = format!("/api/notifications/{}", sent[3]);
    let reader = client.with_token(tokens::scoped(world.user, "notifications:read"));
    let mut notification = reader.get(&path).await.body;
    let members = notification.as_object_mut().expect("an object");
    members.extend(
        [("readAt", Value::Null), ("archivedAt", Value::Null)].map(|(n, v)| (n.to_owned(), v)),
    );
    assert_eq!(*item, notification);

    let counts = client.get(&format!("{INBOX}/counts?cap=3")).await;
    assert_eq!(counts.body, json!({"unread": 3, "capped": true}));
    for (change, unread, read, archived) in [
        ("read", 3, 1, 0),
        ("read", 3, 1, 0),
        ("archive", 3, 0, 1),
        ("unarchive", 3, 1, 0),
        ("unread", 4, 0, 0),
        ("archive", 3, 0, 1),
    ] {
        let answer = post(&client, &format!("/{}/{change}", sent[0]), None).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{change}");
        for (state, expected) in [
            ("unread", unread),
            ("read", read),
            ("archived", archived),
            ("all", 4),
        ] {
            let list = client.get(&format!("{INBOX}?state={state}")).await;
            assert_eq!(ids(&list.body).len(), expected, "{change}: {state}");
        }
    }
    let stranger = MessageId::generate();
    let body = json!({"ids": [sent[0], sent[1], stranger], "read": true, "archived": false});
    let changed = post(&client, "/state", Some(&body)).await;
    assert_eq!(changed.body, json!({"changed": 2, "notFound": [stranger]}));

    // What was recorded after the list is not marked.
    notify(&world, &service, 1).await;
    let up_to = &list.body["upTo"];
    let marked = post(&client, "/read-all", Some(&json!({"upTo": up_to}))).await;
    assert_eq!(marked.body, json!({"marked": 2, "more": false}));
    let counts = client.get(&format!("{INBOX}/counts")).await;
    assert_eq!(counts.body, json!({"unread": 1, "capped": false}));
    let news = json!({"upTo": client.get(INBOX).await.body["upTo"], "category": "news"});
    let marked = post(&client, "/read-all", Some(&news)).await;
    assert_eq!(marked.body, json!({"marked": 0, "more": false}));

    let page = client.get(&format!("{INBOX}?state=all&limit=3")).await.body;
    let cursor = page["nextCursor"].as_str().expect("another page");
    let rest = client
        .get(&format!("{INBOX}?state=all&limit=3&cursor={cursor}"))
        .await;
    assert_eq!(ids(&page).len() + ids(&rest.body).len(), 5);
    assert_eq!(
        (&rest.body["upTo"], &rest.body["nextCursor"]),
        (&page["upTo"], &Value::Null)
    );
}

/// All requests for an inbox and one of its notifications, with their successful status.
fn requests(id: MessageId, up_to: &str) -> Vec<(Method, String, Option<Value>, u16)> {
    let get = |path: &str| (Method::GET, path.to_owned(), None, 200);
    let post = |path: &str, body, status| (Method::POST, path.to_owned(), body, status);
    vec![
        get(""),
        get("/counts"),
        post(&format!("/{id}/read"), None, 204),
        post(&format!("/{id}/archive"), None, 204),
        post(&format!("/{id}/unarchive"), None, 204),
        post(&format!("/{id}/unread"), None, 204),
        post("/state", Some(json!({"ids": [id], "read": false})), 200),
        post("/read-all", Some(json!({"upTo": up_to})), 200),
        post("/stream-ticket", None, 200),
    ]
}

#[tokio::test]
async fn an_inbox_is_for_its_user_and_for_trusted_services_that_name_it() {
    let (world, api) = World::shared().await;
    let service = api.client();
    let other = world.database.user().await;
    let id = notify(&world, &service, 1).await[0];
    let of_other = notify_user(&world, &service, other, 1).await[0];
    let up_to = own(&service, world.user).get(INBOX).await.body["upTo"].clone();
    let up_to = up_to.as_str().expect("a position");
    let user = world.user;
    for (name, client, named, expected) in [
        ("the user", own(&service, user), None, None),
        ("the user, named", own(&service, user), Some(user), None),
        ("a service", service.clone(), Some(user), None),
        ("a service without a user", service.clone(), None, Some(400)),
        ("another user", own(&service, other), Some(user), Some(403)),
        (
            "without the scope",
            service.with_token(tokens::scoped(user, "notifications:read contacts:write")),
            None,
            Some(403),
        ),
        ("anonymous", service.anonymous(), Some(user), Some(401)),
    ] {
        for (method, path, body, ok) in requests(id, up_to) {
            let query = named
                .map(|user| format!("?userId={user}"))
                .unwrap_or_default();
            let request = client.request(method, &format!("{INBOX}{path}{query}"));
            let request = match &body {
                Some(body) => request.json(body),
                None => request,
            };
            let answer = client.send(request).await;
            assert_eq!(
                answer.status,
                expected.unwrap_or(ok),
                "{name}: {path}: {}",
                answer.text
            );
        }
    }
    // Another user's notification is not there, whoever asks.
    for (client, query) in [
        (own(&service, user), String::new()),
        (service.clone(), format!("?userId={user}")),
    ] {
        for change in ["read", "unread", "archive", "unarchive"] {
            let path = format!("/{of_other}/{change}{query}");
            let answer = post(&client, &path, None).await;
            answer.assert_error(404, "not_found");
        }
    }
    let unread = own(&service, other).get(&format!("{INBOX}/counts")).await;
    assert_eq!(unread.body["unread"], 1);
}

/// Whatever a stranger sends, a text that PostgreSQL would refuse included, is a 400.
#[tokio::test]
async fn invalid_requests_are_400() {
    let (world, api) = World::shared().await;
    let client = own(&api.client(), world.user);
    let position = client.get(INBOX).await.body["upTo"]
        .as_str()
        .expect("a position")
        .to_owned();
    let long = "A".repeat(5000);
    let cut = &position[..8];
    let texts = [
        "",
        "0",
        "1:1:",
        "10:20:14,13",
        cut,
        &long,
        "%00",
        "AQ%3D%3D",
    ];
    for text in texts {
        for path in [
            format!("?cursor={text}"),
            format!("/stream?lastEventId={text}"),
        ] {
            let answer = client
                .send(client.request(Method::HEAD, &format!("{INBOX}{path}")))
                .await;
            let is_absent = text.is_empty() && path.starts_with("/stream");
            assert_eq!(answer.status, if is_absent { 200 } else { 400 }, "{path}");
        }
        let body = json!({"upTo": text});
        let answer = post(&client, "/read-all", Some(&body)).await;
        assert_eq!(
            (answer.status, answer.fields()),
            (400, vec!["upTo"]),
            "{text}"
        );
        if !text.is_empty() {
            let request = client.request(Method::GET, &format!("{INBOX}/stream"));
            let answer = client.send(request.header("Last-Event-ID", text)).await;
            answer.assert_error(400, "invalid_last_event_id");
        }
    }
    // A position is no cursor.
    for path in [
        format!("?cursor={position}"),
        "?state=new".to_owned(),
        "?state=read&state=read".to_owned(),
        "?limit=0".to_owned(),
        "?category=".to_owned(),
        "/counts?cap=0".to_owned(),
        "/counts?cap=1001".to_owned(),
        "/counts?userId=7".to_owned(),
        "/stream?x=1".to_owned(),
    ] {
        let answer = client.get(&format!("{INBOX}{path}")).await;
        answer.assert_error(400, "invalid_query");
    }
    for (path, body) in [
        ("/7/read", None),
        ("/state", Some(json!({"ids": ["7"], "read": true}))),
        ("/state", Some(json!({"ids": []}))),
        ("/read-all", Some(json!({}))),
    ] {
        let answer = post(&client, path, body.as_ref()).await;
        assert_eq!(answer.status, 400, "{path}");
        answer.assert_error_shape();
    }
}
