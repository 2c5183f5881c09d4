//! The payload is erased by the statement that ends the notification, whichever it is.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::json;
use tidings_db::notifications::{
    ClaimEnd, ClaimEndResult, ClaimRequest, LeaseToken, LockedRows, RecordedBy, cancel_group,
    claim, end_claims, expire_overdue, insert_batch, lease_due, mark_failed, mark_processed,
    record, reset_for_replay,
};
use tidings_db::{Client, Database, TransactionOptions};
use tidings_domain::notification::{
    Channel, DeliveredChannel, Fingerprint, MessageId, Notification,
};
use tidings_domain::time::DeliveryWindow;
use tidings_tests::{ProgramKind, World, origin, secs};

use super::{erased, path, sensitive};
use crate::retention::execute;

#[tokio::test]
async fn it_is_erased_when_the_notification_is_sent_cancelled_or_expired() {
    let world = World::with(&[("WORKER_CHANNELS", "intake,scheduler,sms")]).await;
    let api = world.api().await;
    let _worker = world.start(ProgramKind::Worker, &[]).await;
    let client = api.client();
    let mut body = sensitive(&world, Channel::Sms);
    body["payload"]["to"] = json!("+4915112345678");
    let sent = client.post(&body).await.accepted();
    world.until_status(sent, "processed").await;
    body["sendAt"] = json!(Timestamp::now() + SignedDuration::from_hours(1));
    let cancelled = client.post(&body).await.accepted();
    body["ttlSecs"] = json!(60);
    let expired = client.post(&body).await.accepted();
    for id in [cancelled, expired] {
        world.until_status(id, "scheduled").await;
    }
    assert_eq!(erased(&world, "status = 'scheduled'").await, 0);
    let cancel = client.request(Method::DELETE, &path(cancelled));
    assert_eq!(client.send(cancel).await.status, 200);
    let over =
        format!("UPDATE notifications SET expires_at = now() WHERE message_id = '{expired}'");
    execute(&world.database, &over).await;
    world.until_status(expired, "expired").await;
    assert_eq!(erased(&world, "true").await, 3);
    let found = client.get(&path(sent)).await;
    assert!(found.body["payloadRemovedAt"].is_string(), "{}", found.text);
    // The sandbox has got the text before.
    assert_eq!(
        client.get(&format!("{}/attempts", path(sent))).await.body["attempts"][0]["outcome"],
        "delivered"
    );
}

struct Rows {
    world: World,
}

impl Rows {
    fn notification(&self, channel: Channel) -> Notification {
        Notification {
            channel,
            sensitive: true,
            fingerprint: Fingerprint::from_bytes(&[1; 17]),
            group: Some("codes".parse().expect("a group")),
            ..self.world.wire()
        }
    }

    const fn pool(&self) -> &Database {
        &self.world.database.pool
    }

    async fn client(&self) -> tidings_db::DedicatedClient {
        self.pool().dedicated_client().await.expect("a connection")
    }

    async fn insert(&self, client: &Client, channel: Channel, window: DeliveryWindow) -> MessageId {
        let one = Notification {
            window,
            ..self.notification(channel)
        };
        insert_batch(client, &[&one]).await.expect("recorded");
        one.message_id
    }

    async fn pending(&self, client: &Client) -> MessageId {
        self.insert(client, Channel::Sms, DeliveryWindow::default())
            .await
    }

    async fn assert_erased(&self, id: MessageId, status: &str) {
        let condition =
            format!("message_id = '{id}' AND status = '{status}' AND fingerprint IS NULL");
        assert_eq!(erased(&self.world, &condition).await, 1, "{status}");
    }

    async fn assert_kept(&self, id: MessageId) {
        let kept = format!(
            "message_id = '{id}' AND payload <> '{{}}' AND payload_removed_at IS NULL AND fingerprint IS NOT NULL"
        );
        assert_eq!(self.world.database.count(&kept).await, 1);
    }
}

#[tokio::test]
async fn every_function_that_ends_a_notification_erases_it() {
    let rows = Rows {
        world: World::new().await,
    };
    let client = rows.client().await;
    let past = Some(Timestamp::now() - SignedDuration::from_secs(5));

    // Ends of claims.
    for (result, status) in [
        (ClaimEndResult::Delivered, "processed"),
        (ClaimEndResult::Expired, "expired"),
        (ClaimEndResult::Cancelled, "cancelled"),
    ] {
        let id = rows.pending(&client).await;
        let token = LeaseToken::generate();
        let request = ClaimRequest {
            id,
            attempt: 0,
            token,
        };
        claim(&*client, DeliveredChannel::Sms, &[request], secs(60))
            .await
            .expect("claimed");
        rows.assert_kept(id).await;
        let end = ClaimEnd { id, token, result };
        end_claims(&*client, &[end], LockedRows::Wait)
            .await
            .expect("ended");
        rows.assert_erased(id, status).await;
    }
    let id = rows.pending(&client).await;
    assert!(mark_processed(&*client, id).await.expect("the query"));
    rows.assert_erased(id, "processed").await;

    // Cancellation of a group, and before the intake.
    let id = rows.pending(&client).await;
    let group = "codes".parse().expect("a group");
    let cancelled = rows
        .world
        .database
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            cancel_group(transaction, "tests", None, &group, 10, &origin()).await
        });
    assert_eq!(cancelled.await.expect("cancelled"), 1);
    rows.assert_erased(id, "cancelled").await;
    let early = rows.notification(Channel::Sms);
    let sql = format!(
        "INSERT INTO cancellations (message_id, sender) VALUES ('{}', '')",
        early.message_id
    );
    execute(&rows.world.database, &sql).await;
    insert_batch(&*client, &[&early]).await.expect("recorded");
    rows.assert_erased(early.message_id, "cancelled").await;

    // Expiry, by the sweep, at the intake and at the release.
    let id = rows.pending(&client).await;
    let over = format!("UPDATE notifications SET expires_at = now() WHERE message_id = '{id}'");
    execute(&rows.world.database, &over).await;
    let expired = expire_overdue(&*client, 10).await.expect("the query");
    assert_eq!(expired.len(), 1);
    rows.assert_erased(id, "expired").await;
    let window = DeliveryWindow {
        not_before: None,
        expires_at: past,
    };
    let id = rows.insert(&client, Channel::InApp, window).await;
    rows.assert_erased(id, "expired").await;
    let later = Some(Timestamp::now() + SignedDuration::from_hours(1));
    let window = DeliveryWindow {
        not_before: later,
        expires_at: None,
    };
    let id = rows.insert(&client, Channel::Sms, window).await;
    let due = format!(
        "UPDATE notifications SET not_before = now(), expires_at = now() WHERE message_id = '{id}'"
    );
    execute(&rows.world.database, &due).await;
    let released = rows
        .pool()
        .transaction(TransactionOptions::default(), async |transaction| {
            lease_due(transaction, Channel::Sms, 10, secs(60)).await
        })
        .await;
    assert_eq!(released.expect("released").expired, 1);
    rows.assert_erased(id, "expired").await;

    // The ends of features to come.
    for status in ["suppressed", "digested"] {
        let id = rows.pending(&client).await;
        let end = format!("UPDATE notifications SET status = '{status}' WHERE message_id = '{id}'");
        execute(&rows.world.database, &end).await;
        rows.assert_erased(id, status).await;
    }
}

#[tokio::test]
async fn what_can_still_be_replayed_or_read_is_kept() {
    let rows = Rows {
        world: World::new().await,
    };
    let client = rows.client().await;
    let failed = rows.pending(&client).await;
    assert!(
        mark_failed(&*client, failed, "rejected", "no luck")
            .await
            .expect("the query")
    );
    rows.assert_kept(failed).await;
    assert!(reset_for_replay(&*client, failed).await.expect("the query"));
    rows.assert_kept(failed).await;
    assert_eq!(rows.world.database.count("ended_at IS NOT NULL").await, 0);
    let shown = rows
        .insert(&client, Channel::InApp, DeliveryWindow::default())
        .await;
    rows.assert_kept(shown).await;
    // The API records it like the intake, and a scheduler releases it.
    let by_api = rows.notification(Channel::Sms);
    record(rows.pool(), vec![&by_api], RecordedBy::Api)
        .await
        .expect("recorded");
    rows.assert_kept(by_api.message_id).await;
    assert_eq!(rows.world.database.count("sensitive").await, 3);
}
