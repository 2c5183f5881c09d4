//! Sends that wait for their answers for long.

use tokio::task::JoinHandle;

use super::*;
use crate::delivery::destinations::long_sends::LONG_AFTER;

/// Waits for an answer that never comes, until it is aborted.
fn wait_for_answer(mut permit: SendPermit) -> JoinHandle<()> {
    tokio::spawn(async move {
        let answer = std::future::pending::<()>();
        permit.run(answer, || 0, || {}).await;
    })
}

async fn hang(all: &Arc<WebhookDestinations>, host: &str) -> JoinHandle<()> {
    let permit = all.acquire(&url(host), id()).await;
    wait_for_answer(permit.unwrap_or_else(|refused| panic!("{host}: {refused:?}")))
}

async fn end(send: JoinHandle<()>) {
    send.abort();
    assert!(send.await.is_err(), "it is aborted");
}

/// Maximum number of long sends of [`destinations`].
const MAX_LONG: usize = 32;

#[tokio::test(start_paused = true)]
async fn new_destinations_are_sent_to_although_more_hang_than_the_channel_has_sends() {
    let all = destinations();
    let mut hanging = Vec::new();
    for number in 0..MAX_LONG {
        hanging.push(hang(&all, &format!("hangs{number}")).await);
    }
    for number in 0..100 {
        prove(&all, &format!("new{number}")).await;
    }
    assert!(hanging.iter().all(|send| !send.is_finished()));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waits_for_a_permit_gets_it_when_a_send_becomes_long() {
    let all = destinations();
    for host in ["hangs1", "hangs2"] {
        hang(&all, host).await;
    }
    let start = Instant::now();
    assert!(all.acquire(&url("new"), id()).await.is_ok());
    assert_eq!(start.elapsed(), LONG_AFTER);
}

#[tokio::test(start_paused = true)]
async fn without_room_for_long_sends_new_destinations_wait_and_proven_ones_do_not() {
    let all = destinations();
    prove(&all, "good").await;
    let mut hanging = Vec::new();
    // Two more are short sends.
    for number in 0..MAX_LONG + 2 {
        hanging.push(hang(&all, &format!("hangs{number}")).await);
    }
    tokio::time::advance(PERMIT_TIMEOUT).await;
    let refused = all.acquire(&url("new"), id()).await.err();
    assert_eq!(refused, Some(DestinationUnavailable::Busy));
    prove(&all, "good").await;
    end(hanging.swap_remove(0)).await;
    let start = Instant::now();
    while all.acquire_now(&url("new"), id()).is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let waited = start.elapsed();
    assert!(waited < LONG_AFTER * 2, "a short send has become long");
}

#[tokio::test(start_paused = true)]
async fn a_new_destination_that_keeps_a_send_waiting_gets_no_second_one() {
    let all = destinations();
    let send = hang(&all, "new").await;
    drop(all.acquire_now(&url("new"), id()).expect("two at first"));
    tokio::time::advance(PERMIT_TIMEOUT).await;
    let start = Instant::now();
    let second = all.acquire(&url("new"), id()).await.err();
    assert_eq!(second, Some(DestinationUnavailable::Busy));
    assert_eq!(start.elapsed(), Duration::ZERO);
    all.succeeded(&url("new"), start);
    end(send).await;
    let _two = [
        all.acquire_now(&url("new"), id()).expect("a permit"),
        all.acquire_now(&url("new"), id()).expect("a permit"),
    ];
}

#[tokio::test(start_paused = true)]
async fn a_working_destination_gets_no_more_sends_because_they_are_long() {
    let all = destinations();
    prove(&all, "slow").await;
    for _ in 0..2 {
        hang(&all, "slow").await;
    }
    tokio::time::sleep(LONG_AFTER * 2).await;
    let third = all.acquire(&url("slow"), id()).await.err();
    assert_eq!(third, Some(DestinationUnavailable::Busy));
}

#[tokio::test(start_paused = true)]
async fn destinations_that_hang_again_leave_room_for_others() {
    let all = destinations();
    let host = |number: usize| format!("hangs{number}");
    for number in 0..=MAX_LONG / 2 {
        fail(&all, &host(number), TIMEOUT).await;
    }
    for number in 0..MAX_LONG / 2 {
        hang(&all, &host(number)).await;
        tokio::time::sleep(LONG_AFTER).await;
    }
    let another = all.acquire(&url(&host(MAX_LONG / 2)), id()).await.err();
    assert_eq!(another, Some(DestinationUnavailable::Hanging));
    for number in 0..MAX_LONG / 2 {
        hang(&all, &format!("new{number}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_message_without_room_does_not_delay_a_small_one() {
    let all = destinations();
    hang(&all, "hangs").await;
    tokio::time::sleep(LONG_AFTER).await;
    let mut large = all.acquire(&url("large"), id()).await.expect("a permit");
    let large = tokio::spawn(async move {
        let answer = std::future::pending::<()>();
        let unexpected = || panic!("there is no room for it");
        large.run(answer, || usize::MAX, unexpected).await;
    });
    tokio::time::sleep(LONG_AFTER * 2).await;
    for number in 0..MAX_LONG - 1 {
        hang(&all, &format!("small{number}")).await;
    }
    assert!(!large.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_quick_send_is_never_long() {
    let all = destinations();
    let mut permit = all.acquire(&url("quick"), id()).await.expect("a permit");
    let answer = tokio::time::sleep(LONG_AFTER / 2);
    let unexpected = || panic!("it is quick");
    permit.run(answer, || 0, unexpected).await;
}
