use serde_json::json;
use tidings_tests::{MockHttpServer, Response, World, secs};

use super::{post, traceparent};

#[tokio::test]
async fn a_collector_that_is_away_stops_nothing_and_is_logged_once() {
    let mut collector = MockHttpServer::start(|_| Response::status(200)).await;
    // Keeps its port, so that nobody else answers there.
    collector.stop().await;
    let world = World::with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url("")),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=a-secret-of-the-collector",
        ),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
    ])
    .await;
    let (mut api, mut worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let headers = [("traceparent", &*traceparent(true))];
    let lost = "spans cannot be sent to the collector, and are lost";
    let warned = async || !api.logs().with_message(lost).is_empty();
    let id = post(&client, &world.in_app(), &headers).await.accepted();
    world.until_status(id, "processed").await;
    tidings_tests::eventually(secs(60), "the warning", warned).await;
    let again = post(&client, &world.in_app(), &headers).await.accepted();
    world.until_status(again, "processed").await;
    for program in [&mut api, &mut worker] {
        program.sigterm();
        assert!(program.exit_within(secs(60)).await.success());
        let lines = program.logs().lines().join("\n");
        assert!(!lines.contains("a-secret"), "{lines}");
        assert_eq!(
            program.logs().with_message(lost).len(),
            1,
            "{}",
            json!(lines)
        );
    }
}
