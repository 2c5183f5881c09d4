use super::*;

fn state() -> Arc<ChannelState> {
    let settings = BreakerSettings {
        failures: 2,
        probe_after: Duration::from_secs(15),
        failing_for: None,
    };
    Arc::new(ChannelState::new(
        DeliveredChannel::Sms,
        "twilio",
        settings,
        None,
    ))
}

async fn flow_after(state: &Arc<ChannelState>, seconds: u64) -> Flow {
    tokio::time::advance(Duration::from_secs(seconds)).await;
    // Lets the timer's task run.
    tokio::task::yield_now().await;
    state.flow_control().flow()
}

#[tokio::test(start_paused = true)]
async fn a_channel_pauses_as_long_as_its_provider_asks() {
    let state = state();
    let pause = |pause| state.pause(Instant::now(), Some(pause)).as_secs();
    assert_eq!(pause(Duration::from_secs(2)), 2);
    tokio::task::yield_now().await;
    assert_eq!(state.flow_control().flow(), Flow::Stopped);
    assert_eq!(state.health().state, "paused");
    assert_eq!(flow_after(&state, 3).await, Flow::OneAtATime);
    state.succeeded(Instant::now());
    assert_eq!(state.flow_control().flow(), Flow::Unlimited);
    assert_eq!(pause(Duration::ZERO), 1);
    assert_eq!(pause(Duration::from_hours(1)), 300);
}

#[tokio::test(start_paused = true)]
async fn consecutive_pauses_grow_until_the_provider_accepts_a_message() {
    let state = state();
    let pause = |started| state.pause(started, Some(Duration::from_secs(1))).as_secs();
    let first = Instant::now();
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!([pause(first), pause(first), pause(first)], [1; 3]);
    for expected in [2, 4, 8] {
        assert_eq!(flow_after(&state, expected).await, Flow::OneAtATime);
        assert_eq!(pause(Instant::now()), expected);
    }
    state.succeeded(first);
    assert_eq!(state.flow_control().flow(), Flow::Stopped, "an older send");
    assert_eq!(flow_after(&state, 9).await, Flow::OneAtATime);
    state.succeeded(Instant::now());
    assert_eq!(state.flow_control().flow(), Flow::Unlimited);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(pause(Instant::now()), 1);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_down_is_probed_with_one_message() {
    let state = state();
    state.failed();
    assert_eq!(state.flow_control().flow(), Flow::Unlimited);
    state.failed();
    tokio::task::yield_now().await;
    assert_eq!(state.flow_control().flow(), Flow::Stopped);
    assert_eq!(flow_after(&state, 16).await, Flow::OneAtATime);
    state.failed();
    tokio::task::yield_now().await;
    assert_eq!(state.flow_control().flow(), Flow::Stopped);
    assert_eq!(flow_after(&state, 16).await, Flow::OneAtATime);
    state.succeeded(Instant::now());
    assert_eq!(state.flow_control().flow(), Flow::Unlimited);
    assert_eq!(state.health().state, "delivering");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_channel_takes_nothing_and_remembers_the_state_of_its_provider() {
    let state = state();
    let stop = SendingStop {
        since: Timestamp::UNIX_EPOCH,
        reason: Some("maintenance".to_owned()),
    };
    state.set_stop(Some(stop));
    assert_eq!(state.flow_control().flow(), Flow::Stopped);
    let health = state.health();
    assert_eq!(
        (health.state, health.reason.as_deref()),
        ("stopped", Some("maintenance"))
    );
    // A send that was under way.
    state.credentials_refused();
    assert_eq!(flow_after(&state, 60).await, Flow::Stopped);
    state.set_stop(None);
    assert_eq!(state.flow_control().flow(), Flow::OneAtATime, "a probe");
    state.succeeded(Instant::now());
    state.stopped_at_claim();
    assert_eq!(state.flow_control().flow(), Flow::Stopped);
    state.set_stop(None);
    assert_eq!(state.flow_control().flow(), Flow::Unlimited);
}

#[tokio::test(start_paused = true)]
async fn one_refusal_of_the_credentials_opens_the_breaker() {
    let state = state();
    state.credentials_refused();
    assert!(state.is_down());
    let health = state.health();
    assert_eq!(health.state, "away");
    assert_eq!(
        health.reason.as_deref(),
        Some("the provider refuses the credentials")
    );
}
