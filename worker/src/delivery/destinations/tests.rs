use super::*;

const TIMEOUT: Duration = Duration::from_secs(10);

fn destinations() -> Arc<WebhookDestinations> {
    let settings = BreakerSettings {
        failures: 2,
        probe_after: Duration::from_secs(15),
        failing_for: None,
    };
    Arc::new(WebhookDestinations::new(settings, 4, TIMEOUT))
}

fn url(host: &str) -> Url {
    Url::parse(&format!("https://{host}.example/hooks")).expect("a URL")
}

async fn fail(destinations: &Arc<WebhookDestinations>, key: &str, duration: Duration) -> bool {
    let permit = destinations.acquire(&url(key)).await.expect("a permit");
    let is_down = destinations.failed(&destination_key(&url(key)), duration);
    drop(permit);
    is_down
}

#[test]
fn a_destination_is_a_host_and_a_port() {
    let key = |url: &str| destination_key(&Url::parse(url).expect("a URL"));
    assert_eq!(key("https://a.example/x?y"), "a.example:443");
    assert_eq!(key("http://a.example:8080/"), "a.example:8080");
    assert_eq!(key("https://[::1]/"), "[::1]:443");
}

async fn prove(all: &Arc<WebhookDestinations>, key: &str) {
    let permit = all.acquire(&url(key)).await.expect("a permit");
    all.succeeded(&destination_key(&url(key)));
    drop(permit);
}

#[tokio::test(start_paused = true)]
async fn a_slow_destination_gets_half_of_the_channel_and_the_others_the_rest() {
    let all = destinations();
    prove(&all, "slow").await;
    prove(&all, "quick").await;
    let _permits = [
        all.acquire(&url("slow")).await.expect("a permit"),
        all.acquire(&url("slow")).await.expect("a permit"),
    ];
    let start = Instant::now();
    assert_eq!(
        all.acquire(&url("slow")).await.err(),
        Some(DestinationUnavailable::Busy)
    );
    assert_eq!(start.elapsed(), PERMIT_TIMEOUT);
    assert_eq!(
        all.acquire(&url("slow")).await.err(),
        Some(DestinationUnavailable::Busy)
    );
    let at_once = "at once, because the sends in progress are slow";
    assert_eq!(start.elapsed(), PERMIT_TIMEOUT, "{at_once}");
    assert!(all.acquire(&url("quick")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn destinations_that_may_hang_share_one_half_of_the_channel() {
    let all = destinations();
    prove(&all, "good").await;
    let _permits = [
        all.acquire(&url("new1")).await.expect("a permit"),
        all.acquire(&url("new2")).await.expect("a permit"),
    ];
    assert_eq!(
        all.acquire(&url("new3")).await.err(),
        Some(DestinationUnavailable::Busy)
    );
    let start = Instant::now();
    assert_eq!(
        all.acquire(&url("new4")).await.err(),
        Some(DestinationUnavailable::Busy)
    );
    assert_eq!(
        start.elapsed(),
        Duration::ZERO,
        "the sends in progress are slow"
    );
    let _good = [
        all.acquire(&url("good")).await.expect("a permit"),
        all.acquire(&url("good")).await.expect("a permit"),
    ];
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waits_for_a_quick_destination_gets_a_permit() {
    let all = destinations();
    let first = all.acquire(&url("quick")).await.expect("a permit");
    let _second = all.acquire(&url("quick")).await.expect("a permit");
    let quick = url("quick");
    let (third, ()) = tokio::join!(all.acquire(&quick), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(first);
    });
    assert!(third.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_hangs_gets_one_message_at_a_time() {
    let all = destinations();
    fail(&all, "hangs", TIMEOUT).await;
    let permit = all.acquire(&url("hangs")).await.expect("one permit");
    assert_eq!(
        all.acquire(&url("hangs")).await.err(),
        Some(DestinationUnavailable::Hanging)
    );
    all.succeeded(&destination_key(&url("hangs")));
    drop(permit);
    let _permits = [
        all.acquire(&url("hangs")).await.expect("a permit"),
        all.acquire(&url("hangs")).await.expect("a permit"),
    ];
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_asked_for_a_pause_gets_nothing_before_its_end() {
    let all = destinations();
    let permit = all.acquire(&url("busy")).await.expect("a permit");
    all.pause(&url("busy"), Duration::from_mins(1));
    drop(permit);
    let until = Instant::now() + Duration::from_mins(1);
    assert_eq!(
        all.acquire(&url("busy")).await.err(),
        Some(DestinationUnavailable::Paused(until))
    );
    let neighbour = url("busy").join("/others").expect("a URL");
    assert!(
        all.acquire(&neighbour).await.is_ok(),
        "no other URL is paused"
    );
    tokio::time::advance(Duration::from_mins(1)).await;
    assert!(all.acquire(&url("busy")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_is_down_gets_probes_and_does_not_affect_the_others() {
    let all = destinations();
    assert!(!fail(&all, "down", Duration::ZERO).await);
    assert!(fail(&all, "down", Duration::ZERO).await);
    assert_eq!(all.count_down(), 1);
    assert_eq!(
        all.acquire(&url("down")).await.err(),
        Some(DestinationUnavailable::Down)
    );
    assert!(all.acquire(&url("up")).await.is_ok());
    tokio::time::advance(Duration::from_secs(15)).await;
    let probe = all.acquire(&url("down")).await.expect("the probe");
    assert_eq!(
        all.acquire(&url("down")).await.err(),
        Some(DestinationUnavailable::Down)
    );
    all.succeeded(&destination_key(&url("down")));
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
    assert!(all.lock().is_empty());
}
