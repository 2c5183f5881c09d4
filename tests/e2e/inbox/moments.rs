//! What depends on the time at which it is sent: quiet hours, and notifications that expire.

use std::time::Duration;

use jiff::Zoned;
use jiff::tz::TimeZone;
use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{Client, EventStream, World};

use super::{notify, open, own, post};

/// Quiet hours of all days but the one three days from now.
fn quiet_today() -> Value {
    let today = Zoned::now().with_time_zone(TimeZone::UTC).weekday();
    let free = today.wrapping_add(3).to_monday_one_offset();
    let days: Vec<i8> = (1..=7).filter(|day| *day != free).collect();
    json!([{"days": days, "from": "00:00", "to": "12:00"}, {"days": days, "from": "12:00", "to": "00:00"}])
}

async fn set_quiet(world: &World, service: &Client, quiet: &Value) {
    let path = format!("/api/users/{}/settings", world.user);
    let request = service.request(Method::PATCH, &path);
    let changed = service.send(request.json(&json!({"quiet": quiet}))).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
}

/// The member `quiet` of the next notification.
async fn next_quiet(stream: &mut EventStream) -> Option<Value> {
    let item = stream.expect("notification").await;
    stream.expect("counts").await;
    item.get("quiet").cloned()
}

#[tokio::test]
async fn a_live_event_says_whether_its_user_has_quiet_hours() {
    let (world, api) = World::shared().await;
    let (service, client) = (api.client(), own(&api.client(), world.user));
    let mut stream = open(&client, "").await;
    stream.expect("counts").await;
    let begun = stream.last_id.clone();
    notify(&world, &service, 1).await;
    assert_eq!(next_quiet(&mut stream).await, None);
    set_quiet(&world, &service, &quiet_today()).await;
    notify(&world, &service, 1).await;
    assert_eq!(next_quiet(&mut stream).await, Some(json!(true)));
    // Quiet hours do not hold critical messages.
    let mut critical = world.in_app();
    critical["category"] = json!("security");
    let _ = service.post(&critical).await.accepted();
    assert_eq!(next_quiet(&mut stream).await, None);

    // What a stream has missed is about the time at which it is sent, too. The list has no such member.
    let mut resumed = open(&client, &begun).await;
    let mut quiet = Vec::new();
    for _ in 0..3 {
        let item = resumed.expect("notification").await;
        quiet.push((item["category"].is_null(), item.get("quiet").cloned()));
    }
    let yes = Some(json!(true));
    assert_eq!(quiet, [(true, yes.clone()), (true, yes), (false, None)]);
    let list = client.get(super::INBOX).await.body;
    assert!(list["items"][1].get("quiet").is_none());
    set_quiet(&world, &service, &Value::Null).await;
    notify(&world, &service, 1).await;
    assert_eq!(next_quiet(&mut stream).await, None);
}

#[tokio::test]
async fn counts_are_sent_when_a_notification_has_expired() {
    let world = World::with(&[("INBOX_POLL_MS", "200")]).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let (service, client) = (api.client(), own(&api.client(), world.user));
    let ids = notify(&world, &service, 3).await;
    let expire = async |id, lifetime: Duration| {
        let sql = "UPDATE notifications SET expires_at = now() + make_interval(secs => $2)
                   WHERE message_id = $1";
        let database = world.database.pool.dedicated_client().await;
        let database = database.expect("a connection");
        let secs = lifetime.as_secs_f64();
        database.execute(sql, &[&id, &secs]).await.expect("changed");
    };
    let mut lifetime = Duration::from_millis(500);
    let mut stream = loop {
        expire(ids[0].as_uuid(), lifetime).await;
        let mut stream = open(&client, "").await;
        // On a busy machine, it may have expired before the stream is open.
        if stream.expect("counts").await["unread"] == 3 {
            break stream;
        }
        lifetime *= 2;
        assert!(lifetime < Duration::from_mins(2));
    };
    assert_eq!(
        stream.expect("counts").await,
        json!({"unread": 2, "capped": false})
    );

    // A look that finds a change also finds what expires later.
    expire(ids[1].as_uuid(), Duration::from_secs(1)).await;
    let read = post(&client, &format!("/{}/read", ids[2]), None).await;
    assert_eq!(read.status, 204);
    loop {
        let event = stream.next().await.expect("the stream goes on");
        if event.name == "counts" && event.data["unread"] == 0 {
            break;
        }
    }
}
