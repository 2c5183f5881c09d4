use reqwest::Method;
use serde_json::json;
use tidings_domain::notification::{Channel, DeliveredChannel};
use tidings_tests::{Program, ProgramKind, World, eventually, notification, secs};

use super::result_codes;

#[tokio::test]
async fn a_batch_of_invalid_items_is_a_400_with_every_result() {
    let (_world, api) = World::shared().await;
    let answer = api.client().post_batch(&[json!({}), json!([])]).await;
    answer.assert_error(400, "no_item_accepted");
    assert_eq!(result_codes(&answer), ["missing_fields", "invalid_json"]);
}

#[tokio::test]
async fn an_invalid_batch_is_refused_as_a_whole() {
    let (world, api) = World::shared().await;
    let client = api.client();
    for (body, code) in [
        (json!([world.in_app()]), "invalid_json"),
        (world.in_app(), "invalid_request"),
        (json!({}), "missing_fields"),
        (
            json!({"notifications": {"0": world.in_app()}}),
            "invalid_fields",
        ),
        (json!({"notifications": []}), "invalid_fields"),
        (
            json!({"notifications": vec![world.in_app(); 1001]}),
            "invalid_fields",
        ),
        (
            json!({"notifications": [world.in_app()], "dryRun": true}),
            "unknown_fields",
        ),
    ] {
        let answer = client.send(client.batch(&body)).await;
        answer.assert_error(400, code);
        assert!(answer.body["results"].is_null(), "{}", answer.text);
    }
    let right = json!({"notifications": [world.in_app()]});
    let keyed = client.batch(&right).header("Idempotency-Key", "order-1");
    let answer = client.send(keyed).await;
    answer.assert_error(400, "invalid_idempotency_key");
    assert!(
        answer.body["message"]
            .to_string()
            .contains("idempotencyKey")
    );
    let request = client.request(Method::POST, "/api/notifications/batch");
    let answer = client.send(request.body(right.to_string())).await;
    answer.assert_error(415, "unsupported_media_type");
    let _ = client.post(&world.in_app()).await.accepted();
    // The messages of one queue are recorded in order: nothing before the accepted one was published.
    world.until_recorded(1).await;
}

#[tokio::test]
async fn without_a_broker_a_valid_batch_is_a_503_and_an_invalid_one_a_400() {
    let world = World::new().await;
    let nowhere = ("RABBITMQ_URL", "amqp://nobody:hunter2@127.0.0.1:1/none");
    let settings = world.settings(&[nowhere, ("ACCEPT_WITHOUT_BROKER", "false")]);
    let api = Program::start(ProgramKind::Api, settings).await;
    let client = api.client();
    let answer = client.post_batch(&[json!({}), world.in_app()]).await;
    answer.assert_error(503, "broker_unavailable");
    assert_eq!(
        result_codes(&answer),
        ["missing_fields", "broker_unavailable"]
    );
    assert!(!answer.text.contains("127.0.0.1"), "{}", answer.text);
    let answer = client.post_batch(&[json!({})]).await;
    answer.assert_error(400, "no_item_accepted");
}

#[tokio::test]
async fn a_full_queue_refuses_only_items_of_its_own_channel() {
    let world = World::with(&[("QUEUE_MAX_LENGTH", "5")]).await;
    let api = world.api().await;
    let client = api.client();
    let amqp = world.amqp().await;
    let queue = amqp.settings.names.channel_queue(DeliveredChannel::Sms);
    let mut message = amqp.to_intake("{}");
    (message.exchange, message.routing_key) = (String::new(), queue);
    amqp.publish_all(vec![message; 6]).await;
    let items = [Channel::Sms, Channel::Email].map(|channel| notification(world.user, channel));
    // The API has noticed the depth once its gauge shows it.
    eventually(secs(20), "the API knows the depth", async || {
        let scrape = api.metrics().await;
        scrape.sum("tidings_queue_depth", &["sms"]) == 6
    })
    .await;
    let answer = client.post_batch(&items[..1]).await;
    answer.assert_error(503, "queue_full");
    assert_eq!(result_codes(&answer), ["queue_full"]);
    let answer = client.post_batch(&items).await;
    assert_eq!(answer.status, 207, "{}", answer.text);
    assert_eq!(result_codes(&answer), ["queue_full", "queued"]);
}
