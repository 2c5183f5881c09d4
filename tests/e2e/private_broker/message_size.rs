use serde_json::json;
use tidings_tests::{PrivateServer, ServerKind, ServerUrls, World, eventually_ok, secs};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_too_large_for_the_broker_is_refused_and_does_not_count_as_an_outage() {
    let broker = PrivateServer::new(ServerKind::RabbitMq).await;
    broker
        .rabbitmqctl(&[
            "eval",
            "application:set_env(rabbit, max_message_size, 100000).",
        ])
        .await;
    // RabbitMQ 4 reads it from there.
    let term = "persistent_term:put(max_message_size, 100000).";
    broker.rabbitmqctl(&["eval", term]).await;
    let settings = [("MAX_BODY_BYTES", "1000000")];
    let world = World::on(&broker.among(ServerUrls::shared()), &settings).await;
    let api = world.api().await;
    let mut large = world.in_app();
    large["payload"]["text"] = json!("x".repeat(200_000));
    // The broker announces its limit in the reason for which it closes the channel.
    eventually_ok(secs(30), "the limit is known", async || {
        let answer = api.client().post(&large).await;
        if answer.status == 413 {
            answer.assert_error(413, "payload_too_large");
            return Ok(());
        }
        Err(answer.text)
    })
    .await;
    api.until_ready().await;
    let lost = api.logs().count("connection to RabbitMQ lost");
    for _ in 0..5 {
        api.client()
            .post(&large)
            .await
            .assert_error(413, "payload_too_large");
        let _ = api.client().post(&world.in_app()).await.accepted();
    }
    assert_eq!(api.logs().count("connection to RabbitMQ lost"), lost);
}
