//! Notifications that cannot be sent: that says nothing about their address.

use serde_json::json;
use tidings_db::delivery_attempts::{self, NewAttempt};
use tidings_db::notifications::{
    self, ClaimEnd, ClaimEndResult, ClaimRequest, ClaimResult, LeaseToken, LockedRows,
};
use tidings_domain::notification::DeliveredChannel;
use tidings_tests::{ProgramKind, World, eventually_ok, outcomes, secs};

/// A worker records that there is no template, and dies before it publishes the dead letter.
#[tokio::test]
async fn a_message_is_sent_once_the_cause_is_mended_even_if_its_worker_died() {
    let world = World::with(&[("RETRY_BASE_DELAY_MS", "50")]).await;
    let (api, intake) = tokio::join!(world.api(), world.worker());
    let body = json!({
        "targetUserId": world.user,
        "type": "sms",
        "template": {"name": "hello"},
        "payload": {"to": "+4915112345678"},
    });
    let id = api.client().post(&body).await.accepted();
    world.until_status(id, "pending").await;
    drop(intake);
    let client = world.database.pool.dedicated_client().await;
    let client = client.expect("a connection");
    let token = LeaseToken::generate();
    let request = ClaimRequest {
        id,
        attempt: 0,
        token,
    };
    let claim = notifications::claim(&*client, DeliveredChannel::Sms, &[request], secs(30)).await;
    let claim = claim.expect("the query").remove(0);
    assert!(matches!(claim, ClaimResult::Claimed(_)), "{claim:?}");
    let attempt = NewAttempt {
        message_id: id,
        attempt: 0,
        provider: "sandbox",
        contact_id: None,
        template: None,
        token,
    };
    let error = "there is no template \"hello\" for sms";
    delivery_attempts::insert_not_sent(&*client, &attempt, error)
        .await
        .expect("recorded");
    let result = ClaimEndResult::Failed {
        attempt: 0,
        error: error.to_owned(),
    };
    let ends = [ClaimEnd { id, token, result }];
    let ended = notifications::end_claims(&*client, &ends, LockedRows::Wait).await;
    assert_eq!(ended.expect("the query"), [token].into());

    let template = json!({"text": "Hello!"});
    let path = "/api/templates/hello/sms/default";
    let put = crate::templates::put(&api.client(), path, &template).await;
    assert_eq!(put.status, 201, "{}", put.text);
    // The intake too: its worker may have ended between the row and the message to the channel's queue.
    let sms = [("WORKER_CHANNELS", "intake,sms")];
    let _worker = world.start(ProgramKind::Worker, &sms).await;
    world.until_status(id, "processed").await;
    let attempts = api.client().attempts(id).await;
    assert_eq!(outcomes(&attempts), [(0, "not_sent"), (1, "delivered")]);
    assert_eq!(attempts[0]["error"], error);
}

/// A URL that webhooks may not use is refused before anything is asked.
#[tokio::test]
async fn a_webhook_to_a_url_that_is_no_longer_allowed_was_not_sent() {
    let allowed = [
        ("WEBHOOK_PROVIDER", "http"),
        ("WEBHOOK_ALLOW_NETS", "127.0.0.1"),
    ];
    let world = World::with(&[("WEBHOOK_PROVIDER", "http")]).await;
    let api = world.start(ProgramKind::Api, &allowed).await;
    let _worker = world
        .start(
            ProgramKind::Worker,
            &[("WORKER_CHANNELS", "intake,webhook")],
        )
        .await;
    let payload = json!({"to": "http://127.0.0.1:9/", "event": "order.shipped", "data": {}});
    let body = json!({"targetUserId": world.user, "type": "webhook", "payload": payload});
    let id = api.client().post(&body).await.accepted();
    world.until_status(id, "failed").await;
    let attempts = api.client().attempts(id).await;
    assert_eq!(outcomes(&attempts), [(0, "not_sent")]);
    let amqp = world.amqp().await;
    let reason = eventually_ok(secs(30), "its dead letter", async || {
        let letter = amqp.dead_letters().await.pop();
        letter.map(|letter| letter.reason).ok_or("there is none")
    });
    assert_eq!(reason.await, "not_sent");
}
