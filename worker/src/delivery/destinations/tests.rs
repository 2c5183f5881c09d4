use jiff::{SignedDuration, Timestamp};
use tidings_broker::{WaitKey, WaitTime, WaitsFor};

use super::*;

mod long_sends;

const TIMEOUT: Duration = Duration::from_secs(10);

fn destinations() -> Arc<WebhookDestinations> {
    let settings = BreakerSettings {
        failures: 2,
        probe_after: Duration::from_secs(15),
        failing_for: None,
    };
    Arc::new(WebhookDestinations::new(settings, 4, TIMEOUT))
}

fn id() -> MessageId {
    MessageId::generate()
}

fn url(host: &str) -> Url {
    Url::parse(&format!("https://{host}.example/hooks")).expect("a URL")
}

async fn fail(destinations: &Arc<WebhookDestinations>, key: &str, duration: Duration) -> bool {
    let permit = destinations
        .acquire(&url(key), id())
        .await
        .expect("a permit");
    let is_down = destinations.failed(&url(key), duration);
    drop(permit);
    is_down
}

async fn prove(all: &Arc<WebhookDestinations>, key: &str) {
    let permit = all.acquire(&url(key), id()).await.expect("a permit");
    all.succeeded(&url(key), Instant::now());
    drop(permit);
}

#[tokio::test(start_paused = true)]
async fn a_slow_destination_gets_half_of_the_channel_and_the_others_the_rest() {
    let all = destinations();
    prove(&all, "slow").await;
    prove(&all, "quick").await;
    let _permits = [
        all.acquire(&url("slow"), id()).await.expect("a permit"),
        all.acquire(&url("slow"), id()).await.expect("a permit"),
    ];
    let start = Instant::now();
    assert_eq!(
        all.acquire(&url("slow"), id()).await.err(),
        Some(DestinationUnavailable::Busy)
    );
    assert_eq!(start.elapsed(), PERMIT_TIMEOUT);
    assert_eq!(
        all.acquire(&url("slow"), id()).await.err(),
        Some(DestinationUnavailable::Busy)
    );
    let at_once = "at once, because the sends in progress are slow";
    assert_eq!(start.elapsed(), PERMIT_TIMEOUT, "{at_once}");
    assert!(all.acquire(&url("quick"), id()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn destinations_that_may_hang_share_one_half_of_the_channel() {
    let all = destinations();
    prove(&all, "good").await;
    let _permits = [
        all.acquire(&url("new1"), id()).await.expect("a permit"),
        all.acquire(&url("new2"), id()).await.expect("a permit"),
    ];
    assert_eq!(
        all.acquire(&url("new3"), id()).await.err(),
        Some(DestinationUnavailable::Busy)
    );
    let start = Instant::now();
    assert_eq!(
        all.acquire(&url("new4"), id()).await.err(),
        Some(DestinationUnavailable::Busy)
    );
    assert_eq!(
        start.elapsed(),
        Duration::ZERO,
        "the sends in progress are slow"
    );
    let _good = [
        all.acquire(&url("good"), id()).await.expect("a permit"),
        all.acquire(&url("good"), id()).await.expect("a permit"),
    ];
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waits_for_a_quick_destination_gets_a_permit() {
    let all = destinations();
    let first = all.acquire(&url("quick"), id()).await.expect("a permit");
    let _second = all.acquire(&url("quick"), id()).await.expect("a permit");
    let quick = url("quick");
    let (third, ()) = tokio::join!(all.acquire(&quick, id()), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(first);
    });
    assert!(third.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_hangs_gets_one_message_at_a_time() {
    let all = destinations();
    fail(&all, "hangs", TIMEOUT).await;
    let permit = all.acquire(&url("hangs"), id()).await.expect("one permit");
    assert_eq!(
        all.acquire(&url("hangs"), id()).await.err(),
        Some(DestinationUnavailable::Hanging)
    );
    all.succeeded(&url("hangs"), Instant::now());
    drop(permit);
    let _permits = [
        all.acquire(&url("hangs"), id()).await.expect("a permit"),
        all.acquire(&url("hangs"), id()).await.expect("a permit"),
    ];
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_asked_for_a_pause_gets_nothing_before_its_end() {
    let all = destinations();
    let permit = all.acquire(&url("busy"), id()).await.expect("a permit");
    all.throttled(&url("busy"), Instant::now(), Duration::from_mins(1));
    drop(permit);
    let until = Instant::now() + Duration::from_mins(1);
    assert_eq!(
        all.acquire(&url("busy"), id()).await.err(),
        Some(DestinationUnavailable::Paused(until))
    );
    let neighbour = url("busy").join("/others").expect("a URL");
    assert!(
        all.acquire(&neighbour, id()).await.is_ok(),
        "no other URL is paused"
    );
    tokio::time::advance(Duration::from_mins(1)).await;
    assert!(all.acquire(&url("busy"), id()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_is_down_gets_probes_and_does_not_affect_the_others() {
    let all = destinations();
    assert!(!fail(&all, "down", Duration::ZERO).await);
    assert!(fail(&all, "down", Duration::ZERO).await);
    assert_eq!(all.count_down(), 1);
    assert_eq!(
        all.acquire(&url("down"), id()).await.err(),
        Some(DestinationUnavailable::Down)
    );
    assert!(all.acquire(&url("up"), id()).await.is_ok());
    tokio::time::advance(Duration::from_secs(15)).await;
    let probe = all.acquire(&url("down"), id()).await.expect("the probe");
    assert_eq!(
        all.acquire(&url("down"), id()).await.err(),
        Some(DestinationUnavailable::Down)
    );
    all.succeeded(&url("down"), Instant::now());
    drop(probe);
    assert_eq!(all.count_down(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_idle_destination_is_removed() {
    let all = destinations();
    fail(&all, "gone", Duration::ZERO).await;
    assert_eq!(all.count_down(), 0, "counting changes nothing");
    fail(&all, "gone", Duration::ZERO).await;
    assert_eq!(all.count_down(), 1);
    tokio::time::advance(Duration::from_hours(2)).await;
    assert_eq!(all.count_down(), 0);
    assert!(all.lock().hosts.is_empty());
}

/// What a message to these hosts waits for, whose row has just been read.
fn waits_for(hosts: &[&str]) -> WaitsFor {
    WaitsFor {
        keys: hosts.iter().map(|host| url_key(&url(host))).collect(),
        row_read_at: Some(Timestamp::now()),
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// Lets `host` answer 429 to a message.
async fn throttle(all: &Arc<WebhookDestinations>, host: &str) {
    throttle_message(all, host, id()).await;
}

async fn throttle_message(all: &Arc<WebhookDestinations>, host: &str, id: MessageId) {
    let permit = all.acquire(&url(host), id).await.expect("a permit");
    all.throttled(&url(host), Instant::now(), SECOND);
    drop(permit);
}

#[tokio::test(start_paused = true)]
async fn messages_to_a_throttled_url_wait_without_their_rows_and_one_of_them_probes() {
    let all = destinations();
    assert_eq!(
        all.waiting(id(), Some(waits_for(&["busy"])), None),
        None,
        "unknown"
    );
    throttle(&all, "busy").await;
    let waiting = all
        .waiting(id(), Some(waits_for(&["busy"])), None)
        .expect("it waits");
    assert_eq!(waiting.wait, WaitTime::Second);
    assert!(waiting.not_before.is_some() && waiting.waits_for.row_read_at.is_some());
    assert_eq!(
        all.waiting(id(), Some(waits_for(&["busy", "free"])), None),
        None
    );
    assert_eq!(all.waiting(id(), None, None), None);

    tokio::time::advance(SECOND).await;
    let probe = id();
    assert_eq!(all.waiting(probe, Some(waits_for(&["busy"])), None), None);
    let other = all.waiting(id(), Some(waits_for(&["busy"])), None);
    assert!(other.is_some(), "the probe is reserved");
    assert!(all.acquire_now(&url("busy"), id()).is_err());
    let permit = all.acquire_now(&url("busy"), probe).expect("a permit");
    all.succeeded(&url("busy"), Instant::now());
    drop(permit);
    assert_eq!(all.waiting(id(), Some(waits_for(&["busy"])), None), None);
}

#[tokio::test(start_paused = true)]
async fn the_row_of_a_waiting_message_is_read_now_and_then() {
    let all = destinations();
    throttle(&all, "busy").await;
    let read_before = |age| {
        let read_at = Timestamp::now() - SignedDuration::from_secs(age);
        let waits_for = WaitsFor {
            row_read_at: Some(read_at),
            ..waits_for(&["busy"])
        };
        all.waiting(id(), Some(waits_for), None).is_none()
    };
    assert!(!read_before(4));
    let reads = (0..100).filter(|_| read_before(6)).count();
    assert_eq!(reads, 16, "few rows are read in a second");
    let fresh = WaitsFor {
        row_read_at: None,
        ..waits_for(&["busy"])
    };
    let waiting = all.waiting(id(), Some(fresh.clone()), None);
    let waits_for = waiting.expect("it waits").waits_for;
    assert!(waits_for.row_read_at.is_some(), "it is read later");
    assert!(read_before(15 * 60), "unless the last time is long ago");
    tokio::time::advance(SECOND).await;
    throttle(&all, "busy").await;
    assert_eq!(all.waiting(id(), Some(fresh), None), None);
}

#[tokio::test(start_paused = true)]
async fn thousands_of_waiting_messages_rarely_come_back() {
    let all = destinations();
    let mut queues = std::collections::BTreeMap::new();
    for _ in 0..180 {
        let probe = id();
        if all
            .waiting(probe, Some(waits_for(&["busy"])), None)
            .is_none()
        {
            throttle_message(&all, "busy", probe).await;
        }
        tokio::time::advance(SECOND).await;
    }
    for _ in 0..10_000 {
        let waiting = all.waiting(id(), Some(waits_for(&["busy"])), None);
        let wait = waiting.map_or(WaitTime::Second, |one| one.wait);
        *queues.entry(wait).or_insert(0) += 1;
    }
    assert!(queues[&WaitTime::FiveMinutes] >= 9900, "{queues:?}");
}

#[tokio::test(start_paused = true)]
async fn messages_to_a_destination_that_is_down_wait_without_their_rows() {
    let all = destinations();
    fail(&all, "down", Duration::ZERO).await;
    fail(&all, "down", Duration::ZERO).await;
    let waiting = all
        .waiting(id(), Some(waits_for(&["down"])), None)
        .expect("it waits");
    assert_eq!(waiting.wait, WaitTime::HalfMinute);
    tokio::time::advance(SECOND * 15).await;
    assert_eq!(all.waiting(id(), Some(waits_for(&["down"])), None), None);
}

#[tokio::test(start_paused = true)]
async fn probes_share_the_half_of_the_channel_for_destinations_that_may_hang() {
    let all = destinations();
    for host in ["one", "two", "three"] {
        throttle(&all, host).await;
    }
    prove(&all, "good").await;
    tokio::time::advance(SECOND).await;
    let _probes = [
        all.acquire_now(&url("one"), id()).expect("a probe"),
        all.acquire_now(&url("two"), id()).expect("a probe"),
    ];
    let third = all.acquire_now(&url("three"), id()).err();
    assert_eq!(third, Some(DestinationUnavailable::Busy));
    assert!(all.acquire_now(&url("good"), id()).is_ok());
}

#[tokio::test(start_paused = true)]
async fn messages_to_all_endpoints_of_a_user_wait_for_their_urls() {
    let all = destinations();
    let user = WaitKey::new(1);
    let of_user = || {
        Some(WaitsFor {
            keys: vec![user],
            row_read_at: Some(Timestamp::now()),
        })
    };
    for host in ["one", "two"] {
        throttle(&all, host).await;
    }
    assert_eq!(all.waiting(id(), of_user(), None), None);
    let keys = waits_for(&["one", "two"]).keys;
    all.remember_route(user, &keys);
    let waiting = all.waiting(id(), of_user(), None).expect("it waits");
    assert_eq!(waiting.waits_for.keys, keys);
}

#[tokio::test(start_paused = true)]
async fn few_urls_are_probed_in_a_second() {
    let all = destinations();
    let paths: Vec<Url> = (0..100)
        .map(|number| url("many").join(&format!("/{number}")).expect("a URL"))
        .collect();
    prove(&all, "many").await;
    for path in &paths {
        let permit = all.acquire_now(path, id()).expect("a permit");
        all.throttled(path, Instant::now(), SECOND);
        drop(permit);
    }
    tokio::time::advance(SECOND).await;
    let probes = paths.iter().filter(|path| {
        let waits_for = WaitsFor {
            keys: vec![url_key(path)],
            row_read_at: Some(Timestamp::now()),
        };
        all.waiting(id(), Some(waits_for), None).is_none()
    });
    assert_eq!(probes.count(), 16);
}

#[tokio::test(start_paused = true)]
async fn messages_to_a_destination_whose_sends_take_long_wait_without_their_rows() {
    let all = destinations();
    prove(&all, "slow").await;
    let permits = [
        all.acquire_now(&url("slow"), id()).expect("a permit"),
        all.acquire_now(&url("slow"), id()).expect("a permit"),
    ];
    tokio::time::advance(PERMIT_TIMEOUT).await;
    assert!(all.acquire_now(&url("slow"), id()).is_err());
    let waiting = all.waiting(id(), Some(waits_for(&["slow"])), None);
    assert_eq!(waiting.map(|one| one.wait), Some(WaitTime::Second));
    drop(permits);
    assert_eq!(all.waiting(id(), Some(waits_for(&["slow"])), None), None);
}
