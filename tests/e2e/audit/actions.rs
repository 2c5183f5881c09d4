//! Every request that changes something leaves exactly one entry.

use jiff::{SignedDuration, Timestamp, Unit};
use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::{Channel, MessageId, Notification, UserId};
use tidings_domain::time::DeliveryWindow;
use tidings_tests::{Answer, Client, World, tokens};

use super::entries;

const AGENT: &str = "audit-tests/1";

/// A caller, and how many entries there are.
struct Log {
    client: Client,
    seen: usize,
    /// The expected actor.
    actor: Value,
}

impl Log {
    /// Sends a request, which leaves no entry.
    async fn none(&self, method: Method, path: &str, body: &Value) -> Answer {
        let answer = send(&self.client, method, path, body).await;
        let entries = entries(&self.client).await;
        assert_eq!(entries.len(), self.seen, "{path}: {:?}", entries.first());
        answer
    }

    /// Sends a request, which leaves one entry about `action` with a target of this kind and these details.
    async fn one(
        &mut self,
        (method, path, body): (Method, &str, Value),
        (action, target): (&str, &str),
        details: &Value,
    ) -> Answer {
        let answer = send(&self.client, method, path, &body).await;
        assert!(
            (200..300).contains(&answer.status),
            "{path}: {}",
            answer.text
        );
        let entries = entries(&self.client).await;
        self.seen += 1;
        assert_eq!(entries.len(), self.seen, "{path}");
        let entry = &entries[0];
        let id = answer.header("X-Request-Id");
        for (field, expected) in [
            ("action", json!(action)),
            ("actor", self.actor.clone()),
            ("outcome", json!("ok")),
            ("requestId", json!(id)),
            ("ip", json!("127.0.0.1")),
            ("userAgent", json!(AGENT)),
            ("details", details.clone()),
        ] {
            assert_eq!(entry[field], expected, "{path}: {field}");
        }
        assert_eq!(entry["target"]["kind"], target, "{path}");
        answer
    }

    /// Like [`Log::one`], and checks the id of the target.
    async fn one_on(
        &mut self,
        request: (Method, &str, Value),
        (action, target, id): (&str, &str, &str),
        details: &Value,
    ) -> Answer {
        let answer = self.one(request, (action, target), details).await;
        let newest = entries(&self.client).await.remove(0);
        assert_eq!(newest["target"]["id"], id, "{action}");
        answer
    }
}

async fn send(client: &Client, method: Method, path: &str, body: &Value) -> Answer {
    let request = client.request(method, path).header("User-Agent", AGENT);
    // The API believes no such header.
    let request = request.header("X-Forwarded-For", "198.51.100.7");
    let request = if body.is_null() {
        request
    } else {
        request.json(body)
    };
    client.send(request).await
}

fn text(answer: &Answer, field: &str) -> String {
    answer.body[field].as_str().expect("a text").to_owned()
}

/// Records a notification that is scheduled for later.
async fn scheduled(world: &World, group: Option<&str>) -> MessageId {
    let later = Timestamp::now() + SignedDuration::from_hours(1);
    let one = Notification {
        channel: Channel::InApp,
        sender: Some(tokens::SERVICE.to_owned()),
        group: group.map(|group| group.parse().expect("a group")),
        window: DeliveryWindow {
            not_before: Some(later),
            expires_at: None,
        },
        ..world.wire()
    };
    let inserted = world
        .database
        .pool
        .run(async |client| tidings_db::notifications::insert_batch(client, &[&one]).await)
        .await;
    assert_eq!(inserted.expect("recorded").len(), 1);
    one.message_id
}

#[tokio::test]
async fn every_change_by_the_api_leaves_one_entry() {
    let world = World::new().await;
    let api = world.api().await;
    let mut log = Log {
        client: api.client(),
        seen: 0,
        actor: json!({"kind": "service", "id": tokens::SERVICE}),
    };
    templates(&mut log).await;
    webhook_endpoints(&mut log, world.user).await;
    users(&mut log).await;
    contacts(&mut log, world.user).await;
    sending(&mut log).await;
    notifications(&mut log, &world).await;
    schedules(&mut log, world.user).await;
    // A notification is its own record.
    let path = "/api/notifications";
    let accepted = log.none(Method::POST, path, &world.in_app()).await;
    assert_eq!(accepted.status, 202);
    own_contacts(&mut log, &world).await;
}

async fn templates(log: &mut Log) {
    let path = "/api/templates/welcome/sms/de";
    let target = "welcome/sms/de";
    let put = (Method::PUT, path, json!({"text": "Hallo"}));
    let version = json!({"version": 1});
    log.one_on(put, ("template.put", "template", target), &version)
        .await;
    let invalid = log.none(Method::PUT, path, &json!({"text": "{{"})).await;
    invalid.assert_error(400, "invalid_template");
    let delete = (Method::DELETE, path, Value::Null);
    log.one_on(delete, ("template.delete", "template", target), &json!({}))
        .await;
    let again = log.none(Method::DELETE, path, &Value::Null);
    again.await.assert_error(404, "not_found");
}

async fn webhook_endpoints(log: &mut Log, user: UserId) {
    let new = json!({"userId": user, "url": "https://example.com/secret-path"});
    let create = (Method::POST, "/api/webhook-endpoints", new);
    let expected = ("webhook_endpoint.create", "webhook_endpoint");
    let of_user = json!({"user": user});
    let id = text(&log.one(create, expected, &of_user).await, "id");
    let path = format!("/api/webhook-endpoints/{id}");
    let change = json!({"url": "https://example.com/other", "enabled": false});
    let details = json!({"user": user, "changed": ["url", "enabled"]});
    let on = |action| (action, "webhook_endpoint", id.as_str());
    let update = (Method::PATCH, path.as_str(), change);
    log.one_on(update, on("webhook_endpoint.update"), &details)
        .await;
    let nothing = log.none(Method::PATCH, &path, &json!({})).await;
    assert_eq!(nothing.status, 200);
    let rotate_path = format!("{path}/rotate-secret");
    let rotate = (Method::POST, rotate_path.as_str(), Value::Null);
    log.one_on(rotate, on("webhook_endpoint.rotate_secret"), &json!({}))
        .await;
    let delete = (Method::DELETE, path.as_str(), Value::Null);
    log.one_on(delete, on("webhook_endpoint.delete"), &json!({}))
        .await;
}

async fn users(log: &mut Log) {
    let none = json!({});
    let create = (Method::POST, "/api/users", json!({"username": "berta"}));
    let created = log.one(create, ("user.create", "user"), &none).await;
    let id = text(&created, "id");
    let path = format!("/api/users/{id}");
    let on = |action| (action, "user", id.as_str());
    let profile = json!({"username": "berta", "email": "berta@example.com"});
    let put = (Method::PUT, &*path, profile.clone());
    log.one_on(put, on("user.update"), &none).await;
    assert_eq!(log.none(Method::PUT, &path, &profile).await.status, 200);
    let german = json!({"locale": "de"});
    let change = (Method::PATCH, &*path, german.clone());
    log.one_on(change, on("user.update"), &none).await;
    assert_eq!(log.none(Method::PATCH, &path, &german).await.status, 200);
    let settings = format!("{path}/settings");
    let later = json!({"digestAt": "18:00", "timezone": "Europe/Vienna"});
    let change = (Method::PATCH, &*settings, later.clone());
    let details = json!({"changed": ["timezone", "digestAt"]});
    log.one_on(change, on("user.settings"), &details).await;
    let again = log.none(Method::PATCH, &settings, &later).await;
    assert_eq!(again.status, 200);
    let taken = log.none(Method::POST, "/api/users", &profile).await;
    assert_eq!(taken.status, 409);
    let batch = json!({"users": [{"username": "berta"}, {"username": "carla"}]});
    let batch = (Method::POST, "/api/users/batch", batch);
    log.one(batch, ("user.create", "user"), &none).await;
}

async fn contacts(log: &mut Log, user: UserId) {
    let user = user.to_string();
    let base = format!("/api/users/{user}/contacts");
    let path = |tail: &str| format!("{base}/{tail}");
    let put = |action| (action, "user", user.as_str());
    let email = path("email");
    let set = (Method::PUT, &*email, json!({"email": "anna@example.com"}));
    let details = json!({"contact": "email", "email": "anna@example.com"});
    log.one_on(set, put("contact.put"), &details).await;
    let delete = (Method::DELETE, &*email, Value::Null);
    let details = json!({"contact": "email"});
    log.one_on(delete, put("contact.delete"), &details).await;
    for (collection, contact, body) in [
        (
            "phone-numbers",
            "phone_number",
            json!({"number": "+4915112345678"}),
        ),
        (
            "device-tokens",
            "device_token",
            json!({"token": "a-device"}),
        ),
    ] {
        let all = path(collection);
        let answer = send(&log.client, Method::POST, &all, &body).await;
        log.seen += 1;
        let id = text(&answer, "id");
        let newest = entries(&log.client).await.remove(0);
        let details = json!({"contact": contact, "id": id});
        assert_eq!(newest["details"], details);
        assert_eq!(newest["action"], "contact.put");
        // The user has this contact already.
        assert_eq!(log.none(Method::POST, &all, &body).await.status, 200);
        let one = format!("{all}/{id}");
        let delete = (Method::DELETE, &*one, Value::Null);
        log.one_on(delete, put("contact.delete"), &details).await;
    }
}

async fn sending(log: &mut Log) {
    let body = json!({"channel": "sms", "reason": "the provider fails"});
    let reason = json!({"reason": "the provider fails"});
    let stop = (Method::POST, "/api/sending/stop", body);
    log.one_on(stop, ("sending.stop", "sending", "sms"), &reason)
        .await;
    let start = (Method::POST, "/api/sending/start", json!({}));
    log.one_on(start, ("sending.start", "sending", "*"), &json!({}))
        .await;
    let reason = json!({"reason": "POST /messaging/stop"});
    let stop = (Method::POST, "/messaging/stop", Value::Null);
    log.one_on(stop, ("sending.stop", "sending", "sms"), &reason)
        .await;
    let start = (Method::POST, "/messaging/start", Value::Null);
    log.one_on(start, ("sending.start", "sending", "sms"), &json!({}))
        .await;
}

async fn notifications(log: &mut Log, world: &World) {
    let id = scheduled(world, None).await.to_string();
    let path = format!("/api/notifications/{id}");
    let on = |action| (action, "notification", id.as_str());
    let send_at = Timestamp::now() + SignedDuration::from_hours(2);
    let send_at = send_at.round(Unit::Second).expect("a time").to_string();
    let change = (Method::PATCH, &*path, json!({"sendAt": send_at}));
    let details = json!({"sendAt": send_at});
    log.one_on(change, on("notification.reschedule"), &details)
        .await;
    let cancel = (Method::DELETE, &*path, Value::Null);
    let details = json!({"status": "cancelled"});
    log.one_on(cancel, on("notification.cancel"), &details)
        .await;
    let again = log.none(Method::DELETE, &path, &Value::Null).await;
    assert_eq!(again.status, 200);
    let unknown = MessageId::generate().to_string();
    let path = format!("/api/notifications/{unknown}");
    let cancel = (Method::DELETE, &*path, Value::Null);
    let on_unknown = ("notification.cancel", "notification", unknown.as_str());
    let details = json!({"status": "cancelling"});
    log.one_on(cancel, on_unknown, &details).await;
    let again = log.none(Method::DELETE, &path, &Value::Null).await;
    assert_eq!(again.status, 202);
    for _ in 0..3 {
        scheduled(world, Some("order-7")).await;
    }
    let path = "/api/notifications?group=order-7";
    let on_group = ("notification.cancel_group", "notification_group", "order-7");
    let details = json!({"sender": tokens::SERVICE, "cancelled": 3});
    let cancel = (Method::DELETE, path, Value::Null);
    log.one_on(cancel, on_group, &details).await;
    let none_left = log.none(Method::DELETE, path, &Value::Null).await;
    assert_eq!(none_left.body["cancelled"], 0);
}

async fn schedules(log: &mut Log, user: UserId) {
    let new = json!({
        "targetUserId": user, "type": "in-app", "payload": {"title": "Your report"},
        "cron": "0 9 * * 1", "timezone": "Europe/Berlin",
    });
    let create = (Method::POST, "/api/schedules", new);
    let expected = ("schedule.create", "schedule");
    let id = text(&log.one(create, expected, &json!({})).await, "id");
    let path = format!("/api/schedules/{id}");
    let on = |action| (action, "schedule", id.as_str());
    let change = (Method::PATCH, &*path, json!({"cron": "0 8 * * 1"}));
    log.one_on(change, on("schedule.update"), &json!({})).await;
    for (tail, action) in [("pause", "schedule.pause"), ("resume", "schedule.resume")] {
        let path = format!("{path}/{tail}");
        let change = (Method::POST, &*path, Value::Null);
        log.one_on(change, on(action), &json!({})).await;
        let again = log.none(Method::POST, &path, &Value::Null).await;
        assert_eq!(again.status, 200, "{tail}");
    }
    let delete = (Method::DELETE, &*path, Value::Null);
    log.one_on(delete, on("schedule.delete"), &json!({})).await;
}

/// What users do with their own contacts is not recorded, but their endpoints are.
async fn own_contacts(log: &mut Log, world: &World) {
    let admin = log.client.clone();
    let user = world.user;
    log.client = admin.with_token(tokens::scoped(user, "contacts:write audit:read"));
    log.actor = json!({"kind": "user", "id": user});
    let path = format!("/api/users/{user}/contacts/email");
    let body = json!({"email": "own@example.com"});
    assert_eq!(log.none(Method::PUT, &path, &body).await.status, 200);
    let new = json!({"userId": user, "url": "https://example.com/"});
    let create = (Method::POST, "/api/webhook-endpoints", new);
    let expected = ("webhook_endpoint.create", "webhook_endpoint");
    log.one(create, expected, &json!({"user": user})).await;
}
