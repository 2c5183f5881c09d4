//! `GET /api/audit`: pages, filters and permissions.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tidings_db::audit::{Action, ActorKind, AuditOrigin, Outcome, TargetKind};
use tidings_tests::{Client, World, tokens};

use super::{entries, record};

/// Records entries with the numbers 0 to 6 in their details, in this order.
async fn seven_entries(world: &World) {
    for n in 0..7 {
        let (kind, actor) = if n % 2 == 0 {
            (ActorKind::Service, "billing")
        } else {
            (ActorKind::Cli, "root")
        };
        let origin = AuditOrigin::new(kind, actor);
        let (action, target) = if n < 3 {
            (Action::SendingStop, "sms")
        } else {
            (Action::TemplatePut, "welcome/sms/de")
        };
        let entry = origin.entry(action).on(TargetKind::Template, target);
        let entry = entry.with("n", n).ended(Outcome::Refused);
        record(&world.database.pool, &entry).await;
    }
}

async fn numbers(client: &Client, query: &str) -> (Vec<i64>, Option<String>) {
    let answer = client.get(&format!("/api/audit?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let entries = answer.body["entries"].as_array().expect("a list");
    let number = |entry: &Value| entry["details"]["n"].as_i64().expect("a number");
    let next = answer.body["nextCursor"].as_str().map(str::to_owned);
    (entries.iter().map(number).collect(), next)
}

#[tokio::test]
async fn the_log_is_read_by_its_scope_page_by_page_and_filtered() {
    let world = World::new().await;
    let api = world.api().await;
    seven_entries(&world).await;
    let client = api
        .client()
        .with_token(tokens::scoped(world.user, "audit:read"));
    let (mut read, mut cursor) = (Vec::new(), String::new());
    loop {
        let (page, next) = numbers(&client, &format!("limit=3{cursor}")).await;
        assert!(page.len() <= 3);
        read.extend(page);
        match next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(read, [6, 5, 4, 3, 2, 1, 0]);
    let time = |seconds| (Timestamp::now() + SignedDuration::from_secs(seconds)).to_string();
    let (before, after) = (time(-3600), time(3600));
    for (query, expected) in [
        ("action=sending.stop".to_owned(), vec![2, 1, 0]),
        ("actor=root".to_owned(), vec![5, 3, 1]),
        ("actor=root&action=template.put".to_owned(), vec![5, 3]),
        ("target=sms&actor=billing".to_owned(), vec![2, 0]),
        ("target=email".to_owned(), vec![]),
        (format!("from={after}"), vec![]),
        (format!("to={before}"), vec![]),
        (
            format!("from={before}&to={after}&target=sms"),
            vec![2, 1, 0],
        ),
    ] {
        assert_eq!(numbers(&client, &query).await.0, expected, "{query}");
    }
    let newest = entries(&client).await.remove(0);
    for (field, expected) in [
        ("actor", json!({"kind": "service", "id": "billing"})),
        ("action", json!("template.put")),
        (
            "target",
            json!({"kind": "template", "id": "welcome/sms/de"}),
        ),
        ("outcome", json!("refused")),
        ("requestId", Value::Null),
        ("ip", Value::Null),
        ("userAgent", Value::Null),
    ] {
        assert_eq!(newest[field], expected, "{field}");
    }
    for query in ["action=stop", "limit=0", "cursor=x", "from=today", "page=1"] {
        let answer = client.get(&format!("/api/audit?{query}")).await;
        answer.assert_error(400, "invalid_query");
    }
    for (scope, status) in [
        ("", 403),
        (
            "notifications:read notifications:send:any contacts:write templates:write sending:control schedules:write",
            403,
        ),
        ("admin", 200),
    ] {
        let client = client.with_token(tokens::scoped(world.user, scope));
        assert_eq!(client.get("/api/audit").await.status, status, "{scope}");
    }
    assert_eq!(api.client().get("/api/audit").await.status, 200);
    let anonymous = client.anonymous().get("/api/audit").await;
    anonymous.assert_error(401, "unauthorized");
}
