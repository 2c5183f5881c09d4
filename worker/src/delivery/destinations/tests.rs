use super::*;

const TIMEOUT: Duration = Duration::from_secs(10);

fn destinations() -> Arc<Destinations> {
    let settings = BreakerSettings {
        failures: 2,
        probe_after: Duration::from_secs(15),
        failing_for: None,
    };
    Arc::new(Destinations::new(settings, 4, TIMEOUT))
}

fn url(host: &str) -> Url {
    Url::parse(&format!("https://{host}.example/hooks")).expect("a URL")
}

async fn fail(destinations: &Arc<Destinations>, key: &str, took: Duration) -> bool {
    let room = destinations.enter(&url(key)).await.expect("room");
    let away = destinations.failed(&super::key(&url(key)), took);
    drop(room);
    away
}

#[test]
fn a_destination_is_a_host_and_its_port() {
    let key = |url: &str| super::key(&Url::parse(url).expect("a URL"));
    assert_eq!(key("https://a.example/x?y"), "a.example:443");
    assert_eq!(key("http://a.example:8080/"), "a.example:8080");
    assert_eq!(key("https://[::1]/"), "[::1]:443");
}

async fn prove(all: &Arc<Destinations>, key: &str) {
    let room = all.enter(&url(key)).await.expect("room");
    all.succeeded(&super::key(&url(key)));
    drop(room);
}

#[tokio::test(start_paused = true)]
async fn one_that_takes_long_gets_half_of_the_channel_and_the_others_the_rest() {
    let all = destinations();
    prove(&all, "slow").await;
    prove(&all, "quick").await;
    let _rooms = [
        all.enter(&url("slow")).await.expect("room"),
        all.enter(&url("slow")).await.expect("room"),
    ];
    let start = Instant::now();
    assert_eq!(all.enter(&url("slow")).await.err(), Some(Refused::Crowded));
    assert_eq!(start.elapsed(), WAIT_FOR_ROOM);
    assert_eq!(all.enter(&url("slow")).await.err(), Some(Refused::Crowded));
    let at_once = "now that it is known to be slow";
    assert_eq!(start.elapsed(), WAIT_FOR_ROOM, "{at_once}");
    assert!(all.enter(&url("quick")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn all_that_may_hang_share_one_half_of_the_channel() {
    let all = destinations();
    prove(&all, "good").await;
    let _rooms = [
        all.enter(&url("new1")).await.expect("room"),
        all.enter(&url("new2")).await.expect("room"),
    ];
    assert_eq!(all.enter(&url("new3")).await.err(), Some(Refused::Crowded));
    let start = Instant::now();
    assert_eq!(all.enter(&url("new4")).await.err(), Some(Refused::Crowded));
    assert_eq!(start.elapsed(), Duration::ZERO, "they are known to be slow");
    let _good = [
        all.enter(&url("good")).await.expect("room"),
        all.enter(&url("good")).await.expect("room"),
    ];
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_quick_one_gets_its_turn() {
    let all = destinations();
    let first = all.enter(&url("quick")).await.expect("room");
    let _second = all.enter(&url("quick")).await.expect("room");
    let quick = url("quick");
    let (third, ()) = tokio::join!(all.enter(&quick), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(first);
    });
    assert!(third.is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_gets_one_message_at_a_time() {
    let all = destinations();
    fail(&all, "hangs", TIMEOUT).await;
    let room = all.enter(&url("hangs")).await.expect("room for one");
    assert_eq!(all.enter(&url("hangs")).await.err(), Some(Refused::Hanging));
    all.succeeded(&super::key(&url("hangs")));
    drop(room);
    let _rooms = [
        all.enter(&url("hangs")).await.expect("room"),
        all.enter(&url("hangs")).await.expect("room"),
    ];
}

#[tokio::test(start_paused = true)]
async fn one_that_asked_for_patience_gets_nothing_before() {
    let all = destinations();
    let room = all.enter(&url("busy")).await.expect("room");
    all.asked_for_patience(&url("busy"), Duration::from_mins(1));
    drop(room);
    let until = Instant::now() + Duration::from_mins(1);
    assert_eq!(
        all.enter(&url("busy")).await.err(),
        Some(Refused::Asked(until))
    );
    let neighbour = url("busy").join("/others").expect("a URL");
    assert!(all.enter(&neighbour).await.is_ok(), "nobody else waits");
    tokio::time::advance(Duration::from_mins(1)).await;
    assert!(all.enter(&url("busy")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_away_gets_a_message_now_and_then_and_costs_the_others_nothing() {
    let all = destinations();
    assert!(!fail(&all, "down", Duration::ZERO).await);
    assert!(fail(&all, "down", Duration::ZERO).await);
    assert_eq!(all.away(), 1);
    assert_eq!(all.enter(&url("down")).await.err(), Some(Refused::Away));
    assert!(all.enter(&url("up")).await.is_ok());
    tokio::time::advance(Duration::from_secs(15)).await;
    let probe = all.enter(&url("down")).await.expect("the probe");
    assert_eq!(all.enter(&url("down")).await.err(), Some(Refused::Away));
    all.succeeded(&super::key(&url("down")));
    drop(probe);
    assert_eq!(all.away(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_away_and_that_nobody_sends_to_is_forgotten() {
    let all = destinations();
    fail(&all, "gone", Duration::ZERO).await;
    assert_eq!(all.away(), 0, "asking changes nothing");
    fail(&all, "gone", Duration::ZERO).await;
    assert_eq!(all.away(), 1);
    tokio::time::advance(Duration::from_hours(2)).await;
    assert_eq!(all.away(), 0);
    assert!(all.lock().is_empty());
}
