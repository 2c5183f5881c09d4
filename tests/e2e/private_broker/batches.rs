use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tidings_domain::notification::{Channel, KeyNamespace, MessageId, UserId};
use tidings_tests::{Answer, Client, World, eventually, eventually_ok, notification, secs, tokens};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{PrivateBrokerInstallation, until_disconnected, until_ready};

/// Returns `count` items of batch `batch`, each with its own key.
fn items(user: UserId, batch: usize, count: usize) -> Vec<Value> {
    let item = |place| {
        let mut item = notification(user, Channel::InApp);
        item["idempotencyKey"] = json!(format!("{batch}-{place}"));
        item
    };
    (0..count).map(item).collect()
}

/// Returns the message ids that these items must have.
fn ids(items: &[Value]) -> Vec<Uuid> {
    let id = |item: &Value| {
        let key = item["idempotencyKey"].as_str().expect("a key");
        let key = key.parse().expect("a valid key");
        MessageId::for_key(KeyNamespace::of_service(tokens::SERVICE), &key).as_uuid()
    };
    items.iter().map(id).collect()
}

/// Returns the ids of the accepted items. Checks that each is the id of its item.
fn accepted_ids(answer: &Answer, items: &[Value]) -> Vec<Uuid> {
    let results = answer.results().into_iter().zip(ids(items));
    let accepted = results.filter_map(|(result, id)| {
        let told = result.map_err(|code| assert_eq!(code, "broker_unavailable"));
        told.ok().inspect(|told| assert_eq!(told.as_uuid(), id))
    });
    accepted.map(MessageId::as_uuid).collect()
}

/// Waits until all of these are recorded. Returns the ids of all rows, in order.
async fn until_recorded(world: &World, ids: &BTreeSet<Uuid>) -> Vec<Uuid> {
    eventually_ok(secs(60), "all accepted items are recorded", async || {
        let recorded = world.database.message_ids().await;
        match ids.difference(&recorded.iter().copied().collect()).count() {
            0 => Ok(recorded),
            missing => Err(format!("{missing} are missing")),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_is_stopped_a_batch_is_refused_and_may_be_sent_again() {
    let mut installation = PrivateBrokerInstallation::start(&[]).await;
    installation.until_settled().await;
    let (client, world) = (installation.api.client(), &installation.world);
    let [before, meanwhile] = [0, 1].map(|batch| items(world.user, batch, 1000));
    let answer = client.post_batch(&before).await;
    assert_eq!(
        (answer.status, accepted_ids(&answer, &before).len()),
        (202, 1000)
    );

    installation.broker.stop().await;
    until_disconnected(&client.anonymous()).await;
    for _ in 0..3 {
        let answer = client.post_batch(&meanwhile).await;
        answer.assert_error(503, "broker_unavailable");
        assert!(accepted_ids(&answer, &meanwhile).is_empty());
    }
    installation.broker.start().await;
    until_ready(&client.anonymous()).await;
    until_ready(&installation.worker.client().anonymous()).await;

    let answer = client.post_batch(&meanwhile).await;
    assert_eq!(
        (answer.status, accepted_ids(&answer, &meanwhile).len()),
        (202, 1000)
    );
    let all: BTreeSet<Uuid> = [before, meanwhile]
        .iter()
        .flat_map(|items| ids(items))
        .collect();
    let recorded = until_recorded(world, &all).await;
    assert!(recorded.iter().eq(&all), "each once, and no other");
    installation.worker.stop().await;
    installation.api.stop().await;
}

/// The batch has more items than there are permits, so that it succeeds only if the batch that timed out has
/// released its permits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_is_frozen_a_batch_is_refused_in_time_and_leaks_no_permit() {
    let settings = [
        ("PUBLISH_TIMEOUT_MS", "2000"),
        ("PUBLISH_MAX_IN_FLIGHT", "100"),
    ];
    let mut installation = PrivateBrokerInstallation::start(&settings).await;
    installation.until_settled().await;
    let (client, world) = (installation.api.client(), &installation.world);
    let batch = items(world.user, 0, 1000);
    let frozen = installation.broker.freeze().await;
    let began = Instant::now();
    let answer = client.post_batch(&batch).await;
    answer.assert_error(503, "broker_unavailable");
    assert!(accepted_ids(&answer, &batch).is_empty());
    // PUBLISH_TIMEOUT_MS is 2 s; the rest is for a busy machine.
    assert!(began.elapsed() < secs(8), "{:?}", began.elapsed());
    frozen.thaw();

    let promised = eventually_ok(secs(20), "the same batch is accepted", async || {
        let answer = client.post_batch(&batch).await;
        let promised = accepted_ids(&answer, &batch);
        (answer.status == 202)
            .then_some(promised)
            .ok_or(answer.status)
    })
    .await;
    let promised: BTreeSet<Uuid> = promised.into_iter().collect();
    assert_eq!(promised.len(), 1000);
    let recorded = until_recorded(world, &promised).await;
    assert!(recorded.iter().eq(&promised), "each once, and no other");
    installation.worker.stop().await;
    installation.api.stop().await;
}

/// Minimum time between two batches of a client: during an outage, clients must not take the CPU from the broker
/// that is starting.
const PERIOD: Duration = Duration::from_millis(100);

/// Clients that post batches until they are stopped, and counts of the responses.
#[derive(Default)]
struct Batches {
    begun: AtomicUsize,
    accepted: AtomicUsize,
    refused: AtomicUsize,
    stop: CancellationToken,
}

impl Batches {
    /// Posts until it is stopped. Returns the ids of all items, and those of the accepted items.
    async fn post(&self, client: Client, user: UserId) -> [BTreeSet<Uuid>; 2] {
        let [mut posted, mut safe] = [BTreeSet::new(), BTreeSet::new()];
        let mut tick = interval(PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.stop.run_until_cancelled(tick.tick()).await.is_some() {
            let number = self.begun.fetch_add(1, Ordering::Relaxed);
            let batch = items(user, number, 200);
            posted.extend(ids(&batch));
            let answer = client.post_batch(&batch).await;
            safe.extend(accepted_ids(&answer, &batch));
            let ended = match answer.status {
                202 => &self.accepted,
                207 | 503 => &self.refused,
                _ => panic!("{}", answer.text),
            };
            ended.fetch_add(1, Ordering::Relaxed);
        }
        [posted, safe]
    }

    async fn until(&self, what: impl Fn(&Self) -> &AtomicUsize, more: usize) {
        let seen = || what(self).load(Ordering::Relaxed);
        let wanted = seen() + more;
        eventually(secs(60), "batches are answered", async || seen() >= wanted).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_killed_under_batches_loses_no_accepted_item() {
    let mut installation = PrivateBrokerInstallation::start(&[]).await;
    installation.until_settled().await;
    let (world, client) = (&installation.world, installation.api.client());
    let batches = Batches::default();
    let posting = join_all((0..4).map(|_| batches.post(client.clone(), world.user)));
    let killing = async {
        batches.until(|batches| &batches.accepted, 20).await;
        installation.broker.kill().await;
        batches.until(|batches| &batches.refused, 5).await;
        installation.broker.start().await;
        batches.until(|batches| &batches.accepted, 20).await;
        batches.stop.cancel();
    };
    let (posted, ()) = tokio::join!(posting, killing);

    let [mut all, mut safe] = [BTreeSet::new(), BTreeSet::new()];
    for [posted, promised] in posted {
        all.extend(posted);
        safe.extend(promised);
    }
    assert!(safe.len() >= 40 * 200, "{}", safe.len());
    let recorded = until_recorded(world, &safe).await;
    let recorded_once: BTreeSet<Uuid> = recorded.iter().copied().collect();
    assert_eq!(recorded.len(), recorded_once.len());
    assert!(recorded_once.is_subset(&all), "a row was not posted");
    installation.worker.stop().await;
    installation.api.stop().await;
}
