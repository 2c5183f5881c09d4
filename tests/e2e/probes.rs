//! `/health`, `/ready`, `/live`, `/metrics` of both programs.

use jiff::Timestamp;
use serde_json::json;
use tidings_tests::{Program, World};

async fn both() -> (World, [Program; 2]) {
    let world = World::new().await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    (world, [api, worker])
}

#[tokio::test]
async fn health_endpoints_need_no_token() {
    let (world, programs) = both().await;
    for program in &programs {
        let client = program.client().anonymous();
        let health = client.get("/health").await;
        assert_eq!(health.status, 200, "{}", health.text);
        let mut body = health.body;
        let timestamp = body["timestamp"].take();
        let timestamp = timestamp.as_str().expect("text").parse::<Timestamp>();
        assert!(timestamp.is_ok());
        let expected = json!({
            "status": "healthy", "database": "connected", "rabbitmq": "connected",
            "timestamp": null,
        });
        assert_eq!(body, expected);
        let ready = client.get("/ready").await;
        assert_eq!(
            (ready.status, ready.body),
            (200, json!({"status": "ready"}))
        );
        assert_eq!(client.get("/live").await.status, 200);
    }
    drop(programs);
    drop(world);
}

#[tokio::test]
async fn metrics_are_valid_prometheus_text_and_count_requests() {
    let (world, programs) = both().await;
    let api = &programs[0];
    let _ = api.client().post(&world.in_app()).await.accepted();
    for program in &programs {
        let answer = program.client().anonymous().get("/metrics").await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("Content-Type").starts_with("text/plain"));
        for line in answer
            .text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
        {
            let (_, value) = line.rsplit_once(' ').expect("a sample");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
    let scrape = api.metrics().await;
    let accepted = scrape.sum("tidings_notifications_accepted_total", &["type=\"in-app\""]);
    assert_eq!(accepted, 1);
    assert!(
        scrape.sum("tidings_http_requests_total", &["202"]) >= 1,
        "{}",
        scrape.0
    );
    drop(programs);
    drop(world);
}
