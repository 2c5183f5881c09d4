//! Digests: from the requests to the message that a user gets.

mod killed;

use reqwest::{Method, Url};
use serde_json::{Value, json};
use tidings_domain::notification::{Channel, MessageId};
use tidings_tests::{
    Answer, Client, MockHttpServer, Received, World, eventually, notification, secs,
};

use crate::delivery::{accepted_response, world};
use crate::quiet_hours::holding::zone_at;

/// Makes a request wrong.
type Change = fn(&mut Value);

async fn send(client: &Client, method: Method, path: &str, body: &Value) -> Answer {
    client.send(client.request(method, path).json(body)).await
}

async fn put_category(client: &Client, name: &str, body: &Value) -> Answer {
    send(
        client,
        Method::PUT,
        &format!("/api/categories/{name}"),
        body,
    )
    .await
}

/// A text message to the user, of the category `news`.
fn news(world: &World, text: &str) -> Value {
    let mut body = notification(world.user, Channel::Sms);
    body["payload"] = json!({"text": text});
    body["category"] = json!("news");
    body
}

/// Posts three notifications, which fill a digest. Returns the id of the digest's notification, and their ids.
async fn fill(client: &Client, world: &World) -> (MessageId, Vec<MessageId>) {
    let items = ["one", "two", "three"].map(|text| news(world, text));
    let results = client.post_batch(&items).await.results();
    let ids: Vec<MessageId> = results
        .into_iter()
        .map(|one| one.expect("accepted"))
        .collect();
    for id in &ids {
        world.until_status(*id, "digested").await;
    }
    let shown = shown(client, ids[0]).await;
    let digest = shown["digestMessageId"].clone();
    (serde_json::from_value(digest).expect("an id"), ids)
}

async fn shown(client: &Client, id: MessageId) -> Value {
    client.get(&format!("/api/notifications/{id}")).await.body
}

/// The text of a request to Twilio.
fn text_of(request: &Received) -> String {
    let form = String::from_utf8(request.body.clone()).expect("a form");
    let url = Url::parse(&format!("http://twilio/?{form}")).expect("a query");
    let mut pairs = url.query_pairs();
    let body = pairs.find(|(name, _)| name == "Body").expect("a text");
    body.1.into_owned()
}

#[tokio::test]
async fn notifications_of_a_category_arrive_in_one_message() {
    let twilio = MockHttpServer::start(|_| accepted_response()).await;
    let noon = zone_at(12);
    let settings = [
        ("WORKER_CHANNELS", "intake,scheduler,sms"),
        ("SCHEDULER_POLL_MS", "100"),
        ("DEFAULT_TIMEZONE", noon.as_str()),
    ];
    let world = world(&twilio, &settings).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let rule = json!({"mode": "weekly", "maxItems": 3});
    let category = put_category(&client, "news", &json!({"digest": rule})).await;
    assert_eq!((category.status, &category.body["digest"]), (201, &rule));

    // An item waits, and says for how long.
    let first = client.post(&news(&world, "first")).await.accepted();
    world.until_status(first, "scheduled").await;
    let waiting = shown(&client, first).await;
    let decision = &waiting["decision"];
    assert_eq!(
        [&decision["outcome"], &decision["reason"], &decision["rule"]],
        ["hold", "digest", "digest"]
    );
    assert!(
        decision["until"].is_string() && waiting["digestId"].is_string(),
        "{waiting}"
    );
    let cancelled = client.request(Method::DELETE, &format!("/api/notifications/{first}"));
    assert_eq!(client.send(cancelled).await.status, 200);
    // What was cancelled counts until the digest is closed.
    let last = [news(&world, "second"), news(&world, "third")];
    let results = client.post_batch(&last).await.results();
    let second = *results[0].as_ref().expect("accepted");
    world.until_status(second, "digested").await;
    let item = shown(&client, second).await;
    assert_eq!(item["decision"]["outcome"], "digest");
    let digest: MessageId = serde_json::from_value(item["digestMessageId"].clone()).expect("an id");

    // The user has no number: it becomes a dead letter, and is replayed.
    world.until_status(digest, "failed").await;
    let amqp = world.amqp().await;
    eventually(secs(60), "its dead letter", async || {
        amqp.dead_letter_depth().await == 1
    })
    .await;
    let path = format!("/api/users/{}/contacts/phone-numbers", world.user);
    let number = send(
        &client,
        Method::POST,
        &path,
        &json!({"number": "+4915112345678"}),
    )
    .await;
    assert_eq!(number.status, 201, "{}", number.text);
    let replay = world.tidings(&["dlq", "replay", "--reason", "no_recipient"]);
    assert!(replay.status.success(), "{replay:?}");
    world.until_status(digest, "processed").await;
    assert_eq!(twilio.count(), 1);
    let text = text_of(&twilio.requests()[0]);
    assert!(text.starts_with("You have 2 new notifications."), "{text}");
    assert!(
        text.contains("\n- second") && text.contains("\n- third"),
        "{text}"
    );
    assert!(!text.contains("first"), "{text}");
    let message = shown(&client, digest).await;
    assert_eq!(message["payload"]["total"], 2);
    assert_eq!(message["template"]["name"], "digest/news");
    assert_eq!(message["digestId"], item["digestId"]);
    assert!(message.get("digestMessageId").is_none());

    // With a template of the category.
    let template = json!({"text": "{{ total }}: {% for item in items|reverse %}{{ item.payload.text }} {% endfor %}"});
    let path = "/api/templates/digest%2Fnews/sms/default";
    let put = send(&client, Method::PUT, path, &template).await;
    assert_eq!(put.status, 201, "{}", put.text);
    assert_eq!(client.get(path).await.body["name"], "digest/news");
    let (digest, _) = fill(&client, &world).await;
    world.until_status(digest, "processed").await;
    let mut words: Vec<String> = text_of(&twilio.requests()[1])
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    words.sort();
    assert_eq!(words, ["3:", "one", "three", "two"]);

    // Quiet hours hold the message of a digest.
    let path = format!("/api/users/{}/settings", world.user);
    let quiet = json!([{"days": [1, 2, 3, 4, 5, 6, 7], "from": "06:00", "to": "18:00"}]);
    let set = send(&client, Method::PATCH, &path, &json!({"quiet": quiet})).await;
    assert_eq!(set.status, 200, "{}", set.text);
    let (digest, items) = fill(&client, &world).await;
    let held =
        format!("message_id = '{digest}' AND status = 'scheduled' AND reason = 'quiet_hours'");
    eventually(secs(60), "it is held", async || {
        world.database.count(&held).await == 1
    })
    .await;
    let set = send(&client, Method::PATCH, &path, &json!({"quiet": []})).await;
    assert_eq!(set.status, 200, "{}", set.text);
    world.until_status(digest, "processed").await;
    assert_eq!(twilio.count(), 3);
    assert_eq!(shown(&client, items[0]).await["status"], "digested");
    let scrape = worker.metrics().await;
    assert_eq!(scrape.sum("tidings_digests_closed_total", &["sent"]), 3);
    assert_eq!(scrape.sum("tidings_digest_items_sent_total", &[]), 8);
}

#[tokio::test]
async fn what_is_wrong_about_digests_is_refused() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let daily = json!({"digest": {"mode": "daily"}});
    assert_eq!(put_category(&client, "news", &daily).await.status, 201);
    let critical = json!({"kind": "critical", "digest": {"mode": "daily"}});
    let refused = put_category(&client, "alarm", &critical).await;
    refused.assert_error(400, "invalid_fields");
    assert_eq!(refused.fields(), ["digest.mode"]);

    let path = format!("/api/users/{}/settings", world.user);
    let choose = async |mode: &str| {
        let body = json!({"digests": {"news": mode}});
        send(&client, Method::PATCH, &path, &body).await
    };
    for faster in ["off", "window"] {
        let refused = choose(faster).await;
        refused.assert_error(400, "digest_too_fast");
        assert_eq!(refused.fields(), ["digests.news"]);
    }
    assert_eq!(choose("weekly").await.body["digests"]["news"], "weekly");

    let keyed = |change: &dyn Fn(&mut Value)| {
        let mut body = news(&world, "hello");
        body["digest"] = json!({"key": "order:7"});
        change(&mut body);
        body
    };
    let _ = client.post(&keyed(&|_| {})).await.accepted();
    let wrong: [(&str, Change); 7] = [
        ("digest", |body| body["digest"] = json!("order:7")),
        ("digest.key", |body| body["digest"] = json!({})),
        ("digest.key", |body| body["digest"] = json!({"key": "a b"})),
        ("digest", |body| body["category"] = Value::Null),
        ("digest", |body| {
            body["payload"]["to"] = json!("+4915112345678");
        }),
        ("digest", |body| {
            body["payload"]["to"] = json!("+4915112345678");
            body.as_object_mut()
                .expect("an object")
                .remove("targetUserId");
        }),
        ("digest", |body| {
            body["type"] = json!("in-app");
        }),
    ];
    let mut batch = Vec::new();
    for (field, change) in wrong {
        let body = keyed(&change);
        let refused = client.post(&body).await;
        assert_eq!(
            (refused.status, refused.fields()),
            (400, vec![field]),
            "{body}"
        );
        batch.push(body);
    }
    let results = client.post_batch(&batch).await.results();
    assert!(results.iter().all(Result::is_err), "{results:?}");

    // Schedules have it too.
    let mut schedule = keyed(&|_| {});
    schedule["cron"] = json!("0 9 * * 1");
    schedule["timezone"] = json!("Europe/Berlin");
    let made = send(&client, Method::POST, "/api/schedules", &schedule).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.body["digest"], json!({"key": "order:7"}));
    let path = format!(
        "/api/schedules/{}",
        made.body["id"].as_str().expect("an id")
    );
    let refused = send(&client, Method::PATCH, &path, &json!({"category": null})).await;
    refused.assert_error(400, "invalid_fields");
    assert_eq!(refused.fields(), ["digest"]);
    let both = json!({"category": null, "digest": null});
    let changed = send(&client, Method::PATCH, &path, &both).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert!(changed.body.get("digest").is_none());
}
