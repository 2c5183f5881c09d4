//! The limits of users at the delivery.

use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::json;
use tidings_domain::notification::MessageId;
use tidings_tests::{MockHttpServer, Response, World, eventually, secs};

use crate::delivery::{accepted_response, sms, world};

const SCHEDULED: (&str, &str) = ("WORKER_CHANNELS", "intake,scheduler,sms");

async fn until_reason(world: &World, id: MessageId, status: &str) {
    let row = format!("message_id = '{id}' AND status = '{status}' AND reason = 'throttled'");
    eventually(secs(60), status, async || {
        world.database.count(&row).await == 1
    })
    .await;
}

#[tokio::test]
async fn a_user_gets_as_many_text_messages_as_the_limit_allows() {
    let twilio = MockHttpServer::start(|_| accepted_response()).await;
    let world = world(&twilio, &[SCHEDULED, ("USER_LIMITS", "sms=10/day")]).await;
    let (api, _one, _two) = tokio::join!(world.api(), world.worker(), world.worker());
    let items = vec![sms(&world, "hello"); 50];
    let accepted = api.client().post_batch(&items).await;
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    // Somebody who has no account has no limit.
    let mut guest = sms(&world, "welcome");
    guest
        .as_object_mut()
        .expect("an object")
        .remove("targetUserId");
    let guest = api.client().post(&guest).await.accepted();
    world.until_status(guest, "processed").await;
    eventually(secs(60), "the others are suppressed", async || {
        world
            .database
            .count("status = 'suppressed' AND reason = 'throttled'")
            .await
            == 40
    })
    .await;
    assert_eq!(world.database.count("status = 'processed'").await, 11);
    assert_eq!(twilio.count(), 11);
    let suppressed = world
        .database
        .message_ids_where("status = 'suppressed'")
        .await[0];
    let found = api
        .client()
        .get(&format!("/api/notifications/{suppressed}"))
        .await;
    let expected =
        json!({"outcome": "suppress", "reason": "throttled", "rule": "USER_LIMITS", "until": null});
    assert_eq!(found.body["decision"], expected, "{}", found.text);
}

#[tokio::test]
async fn the_excess_waits_for_what_may_fail_and_is_suppressed_once_the_limit_is_delivered() {
    let tries = AtomicUsize::new(0);
    let twilio = MockHttpServer::start(move |request| {
        if !String::from_utf8_lossy(&request.body).contains("first") {
            return accepted_response();
        }
        match tries.fetch_add(1, Ordering::Relaxed) {
            0 => Response::status(500),
            _ => Response::status(400)
                .header("content-type", "application/json")
                .body(r#"{"code": 21211, "message": "Invalid 'To'", "status": 400}"#),
        }
    })
    .await;
    let world = world(&twilio, &[SCHEDULED, ("USER_LIMITS", "sms=1/day")]).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let first = client.post(&sms(&world, "first")).await.accepted();
    world.until_status(first, "retrying").await;
    let second = client.post(&sms(&world, "second")).await.accepted();
    until_reason(&world, second, "scheduled").await;
    // The retry has its slot, though the limit is 1. It fails for good, and frees the slot.
    world.until_status(first, "failed").await;
    world.until_status(second, "processed").await;
    assert_eq!(twilio.count(), 3);
    let third = client.post(&sms(&world, "third")).await.accepted();
    until_reason(&world, third, "suppressed").await;
    assert_eq!(twilio.count(), 3);
    let metrics = worker.metrics().await;
    let exceeded = |result| metrics.sum("tidings_user_limit_exceeded_total", &["sms", result]);
    assert!(exceeded("held") >= 1);
    assert_eq!(exceeded("suppressed"), 1);
}

#[tokio::test]
async fn a_category_has_a_limit_of_its_own() {
    let twilio = MockHttpServer::start(|_| accepted_response()).await;
    let world = world(&twilio, &[SCHEDULED]).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let throttle = json!({"throttle": {"limit": 1, "windowSecs": 86400}});
    let request = client.request(Method::PUT, "/api/categories/news");
    let put = client.send(request.json(&throttle)).await;
    assert_eq!(put.body["throttle"], throttle["throttle"], "{}", put.text);
    let mut news = sms(&world, "news");
    news["category"] = json!("news");
    let first = client.post(&news).await.accepted();
    world.until_status(first, "processed").await;
    let second = client.post(&news).await.accepted();
    until_reason(&world, second, "suppressed").await;
    let found = client.get(&format!("/api/notifications/{second}")).await;
    assert_eq!(found.body["decision"]["rule"], "throttle", "{}", found.text);
    let other = client.post(&sms(&world, "other")).await.accepted();
    world.until_status(other, "processed").await;
    assert_eq!(twilio.count(), 2);
}
