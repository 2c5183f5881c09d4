use serde_json::json;
use tidings_domain::notification::{Channel, MessageId};
use tidings_tests::{World, notification, tokens};
use uuid::Uuid;

use super::{accepted, keyed, numbered, result_codes, until_recorded};

#[tokio::test]
async fn a_thousand_items_become_a_thousand_rows_that_match_the_results() {
    let world = World::new().await;
    let (mut api, worker) = tokio::join!(world.api(), world.worker());
    let answer = api.client().post_batch(&numbered(&world, 1000)).await;
    let ids = accepted(&answer);
    until_recorded(&world, ids.clone()).await;
    assert_eq!(world.database.count("true").await, 1000);

    let client = world
        .database
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let sql = "SELECT message_id FROM notifications ORDER BY (payload->>'number')::int";
    let rows = client.query(sql, &[]).await.expect("rows");
    let recorded: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(recorded, ids, "each result is that of its own item");

    let scrape = api.metrics().await;
    let labels = ["type=\"in-app\""];
    let counted = scrape.sum("tidings_notifications_accepted_total", &labels);
    assert_eq!(counted, 1000);
    drop(worker);
    api.stop().await;
    let lines = api.logs().with_message("batch answered");
    assert_eq!(lines.len(), 1, "one line a batch");
    assert_eq!(
        (&lines[0]["accepted"], &lines[0]["refused"]),
        (&json!(1000), &json!(0))
    );
    assert_eq!(lines[0]["requestId"], answer.header("X-Request-Id"));
    assert_eq!(api.logs().with_message("notification accepted").len(), 0);
}

#[tokio::test]
async fn items_of_every_channel_are_recorded_as_single_posts_are() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let items = Channel::ALL.map(|channel| notification(world.user, channel));
    let ids = accepted(&client.post_batch(&items).await);
    until_recorded(&world, ids.clone()).await;
    for (id, item) in ids.into_iter().zip(&items) {
        let found = client.get(&format!("/api/notifications/{id}")).await.body;
        assert_eq!(found["type"], item["type"]);
        assert_eq!(found["payload"], item["payload"]);
    }
}

#[tokio::test]
async fn an_invalid_item_does_not_affect_other_items() {
    let world = World::with(&[("SMS_PROVIDER", "")]).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let mut lacking = world.in_app();
    lacking.as_object_mut().expect("an object").remove("type");
    let mut unstorable = world.in_app();
    unstorable["payload"]["title"] = json!("\0");
    let mut strange = world.in_app();
    strange["scheduledAt"] = json!("now");
    let mut webhook = notification(world.user, Channel::Webhook);
    webhook["payload"]["to"] = json!("http://127.0.0.1/");
    let items = [
        lacking,
        world.in_app(),
        unstorable,
        strange,
        notification(world.user, Channel::Email),
        notification(world.user, Channel::Sms),
        webhook,
        keyed(world.in_app(), "two words"),
        json!(7),
        world.in_app(),
    ];
    let answer = api.client().post_batch(&items).await;
    assert_eq!(answer.status, 207, "{}", answer.text);
    let expected = [
        "missing_fields",
        "queued",
        "invalid_fields",
        "unknown_fields",
        "queued",
        "channel_not_configured",
        "invalid_fields",
        "invalid_fields",
        "invalid_json",
        "queued",
    ];
    assert_eq!(result_codes(&answer), expected);
    let details = |index: usize| &answer.body["results"][index]["error"]["details"][0]["field"];
    assert_eq!(
        (details(0), details(7)),
        (&json!("type"), &json!("idempotencyKey"))
    );
    let good = answer.results().into_iter().flatten();
    until_recorded(&world, good.map(MessageId::as_uuid)).await;
}

#[tokio::test]
async fn each_item_needs_the_permission_to_send_it() {
    let world = World::new().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let other = world.database.user().await;
    let mut addressed = notification(world.user, Channel::Email);
    addressed["payload"]["to"] = json!("anna@example.com");
    let items = [
        notification(other, Channel::InApp),
        world.in_app(),
        addressed,
        notification(world.user, Channel::Email),
    ];
    let scoped = |scope: &str| api.client().with_token(tokens::scoped(world.user, scope));
    let answer = scoped("notifications:send").post_batch(&items).await;
    assert_eq!(answer.status, 207);
    assert_eq!(
        result_codes(&answer),
        ["forbidden", "queued", "forbidden", "queued"]
    );
    let own = answer.results().into_iter().flatten();
    until_recorded(&world, own.map(MessageId::as_uuid)).await;

    let answer = scoped("notifications:read").post_batch(&items).await;
    answer.assert_error(400, "no_item_accepted");
    assert_eq!(result_codes(&answer), ["forbidden"; 4]);
    let answer = scoped("notifications:send:any").post_batch(&items).await;
    assert_eq!(result_codes(&answer), ["queued"; 4]);
    let answer = api.client().anonymous().post_batch(&items).await;
    answer.assert_error(401, "unauthorized");
}
