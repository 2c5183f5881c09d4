//! Connections as a whole, over a network that is memory, with a clock that jumps to the next event.

use std::sync::Arc;
use std::time::Duration;

use amq_protocol::frame::AMQPFrame;
use lapin::protocol::{AMQPClass, channel, connection};
use lapin::types::{AMQPValue, FieldTable};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::super::error::Error;
use super::super::publish::PublishingChannel;
use super::super::shared::Status;
use super::peer::{ack, connected, nack, on};
use super::plain_message;
use crate::doubts::{Doubt, Doubts};
use crate::publish_error::PublishError;
use crate::wire::Confirmation;

const ROOM: usize = 64 * 1024;

struct Permits(Arc<Semaphore>);

impl Permits {
    fn new() -> Self {
        Self(Arc::new(Semaphore::new(1000)))
    }

    fn one(&self) -> OwnedSemaphorePermit {
        let permit = Arc::clone(&self.0).try_acquire_owned();
        permit.expect("enough permits")
    }

    fn in_flight(&self) -> usize {
        1000 - self.0.available_permits()
    }
}

fn publish(channel: &PublishingChannel, permits: &Permits) -> Confirmation {
    let published = channel.publish(&plain_message("body"), permits.one());
    published.expect("a live connection")
}

#[tokio::test(start_paused = true)]
async fn each_confirm_reaches_its_message_and_a_forgotten_one_gives_its_permit_back() {
    let (shared, mut peer) = connected(ROOM, None);
    let channel = peer.publishing(&shared, &Arc::default()).await;
    let permits = Permits::new();
    let [first, second, third, fourth] = [(); 4].map(|()| publish(&channel, &permits));
    drop(third);
    assert_eq!(permits.in_flight(), 4);
    peer.send(&[nack(2)]).await;
    let refused = second.await.expect("told");
    assert!(matches!(refused, Err(PublishError::Refused)));
    assert_eq!(permits.in_flight(), 3);
    peer.send(&[ack(3, true), ack(4, false)]).await;
    assert!(first.await.expect("told").is_ok());
    assert!(fourth.await.expect("told").is_ok());
    assert_eq!(permits.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn of_many_published_at_once_each_has_its_own_confirm() {
    let (shared, mut peer) = connected(ROOM, None);
    let channel = peer.publishing(&shared, &Arc::default()).await;
    let permits = Permits::new();
    let mut headers = FieldTable::default();
    headers.insert("x".into(), AMQPValue::LongString(vec![b'x'; 5000].into()));
    let mut unsendable = plain_message("unsendable");
    unsendable.properties = unsendable.properties.with_headers(headers);
    let messages = [plain_message("one"), unsendable, plain_message("two")];
    let published = channel.publish_all(messages.map(|message| (message, permits.one())));
    let [one, unsendable, two]: [_; 3] = published
        .expect("a live connection")
        .try_into()
        .expect("three");
    assert!(matches!(unsendable, Err(PublishError::TooLarge)));
    assert_eq!(permits.in_flight(), 2);
    peer.send(&[nack(2), ack(1, false)]).await;
    let one = one.expect("sent").await.expect("told");
    let two = two.expect("sent").await.expect("told");
    assert!(one.is_ok() && matches!(two, Err(PublishError::Refused)));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_learns_of_the_end_at_once() {
    let (shared, mut peer) = connected(ROOM, None);
    let publishing = peer.publishing(&shared, &Arc::default()).await;
    let calling = peer.channel(&shared).await;
    let (_consuming, mut deliveries) = peer.consuming(&shared).await;
    let permits = Permits::new();
    let confirmation = publish(&publishing, &permits);
    let began = Instant::now();
    let hang_up = async { drop(peer) };
    let (called, came, confirmed, ()) = tokio::join!(
        calling.message_count("queue"),
        deliveries.ready(),
        confirmation,
        hang_up
    );
    assert!(
        matches!(called, Err(Error::HungUp | Error::Io(_))),
        "{called:?}"
    );
    assert!(
        matches!(came, Err(Error::HungUp | Error::Io(_))),
        "{came:?}"
    );
    let confirmed = confirmed.expect("told");
    assert!(
        matches!(confirmed, Err(PublishError::Lost(_))),
        "{confirmed:?}"
    );
    assert_eq!(permits.in_flight(), 0);
    assert!(matches!(*shared.status().borrow(), Status::Ended(_)));
    let late = publishing.publish(&plain_message("late"), permits.one());
    assert!(matches!(late, Err(PublishError::Lost(_))));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_stops_reading_is_heard_all_the_same() {
    let (shared, mut peer) = connected(1024, None);
    let channel = peer.publishing(&shared, &Arc::default()).await;
    let permits = Permits::new();
    let large = plain_message(&"x".repeat(3000));
    let mut confirmations = Vec::new();
    for _ in 0..50 {
        let confirmation = channel.publish(&large, permits.one());
        confirmations.push(confirmation.expect("a live connection"));
    }
    let waiting = timeout(Duration::from_secs(1), shared.room()).await;
    assert!(waiting.is_err(), "150 kB are waiting");
    peer.send(&[ack(50, true)]).await;
    for confirmation in confirmations {
        assert!(confirmation.await.expect("told").is_ok());
    }
    // Once it reads again there is room.
    let reading = async { while peer.receive().await.is_some() {} };
    tokio::select! {
        room = shared.room() => room.expect("a live connection"),
        () = reading => panic!("the connection is dead"),
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_sent_and_a_silent_broker_is_dead() {
    let heartbeat = Duration::from_secs(4);
    let (shared, mut peer) = connected(ROOM, Some(heartbeat));
    let began = Instant::now();
    let mut status = shared.status().subscribe();
    let first = peer.receive().await;
    assert_eq!(first, Some(AMQPFrame::Heartbeat));
    assert!(
        began.elapsed() <= Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    peer.send(&[AMQPFrame::Heartbeat]).await;
    let heard = Instant::now();
    let ended = status.wait_for(|status| matches!(status, Status::Ended(_)));
    let ended = ended.await.expect("a task").clone();
    assert!(
        matches!(ended, Status::Ended(Error::Silent(_))),
        "{ended:?}"
    );
    let silence = heard.elapsed();
    assert!(
        silence > heartbeat * 2 && silence <= heartbeat * 3,
        "{silence:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn publishes_that_fail_in_a_row_are_counted_though_nobody_waits_for_them() {
    let (shared, mut peer) = connected(ROOM, None);
    let doubts = Arc::new(Doubts::new());
    let channel = peer.publishing(&shared, &doubts).await;
    let permits = Permits::new();
    for tag in 1..=19 {
        drop(publish(&channel, &permits));
        peer.send(&[nack(tag)]).await;
    }
    drop(publish(&channel, &permits));
    peer.send(&[nack(20)]).await;
    assert_eq!(doubts.next().await, Doubt::Failures);
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_is_late_is_noticed_though_nobody_waits_for_it() {
    let (shared, mut peer) = connected(ROOM, None);
    let doubts = Arc::new(Doubts::new());
    let channel = peer.publishing(&shared, &doubts).await;
    let permits = Permits::new();
    // By the clock, which jumps.
    drop(publish(&channel, &permits));
    let began = Instant::now();
    assert_eq!(doubts.next().await, Doubt::TimeOut);
    let took = began.elapsed();
    assert!(
        took >= Duration::from_mins(1) && took <= Duration::from_secs(62),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn no_failure_counts_while_the_broker_is_blocked_or_after_a_success() {
    let (shared, mut peer) = connected(ROOM, None);
    let doubts = Arc::new(Doubts::new());
    let channel = peer.publishing(&shared, &doubts).await;
    let permits = Permits::new();
    let blocked = connection::AMQPMethod::Blocked(connection::Blocked {
        reason: "memory".into(),
    });
    peer.send(&[on(0, AMQPClass::Connection(blocked))]).await;
    let mut status = shared.status().subscribe();
    let found = status.wait_for(|status| matches!(status, Status::Blocked));
    drop(found.await.expect("a task"));
    for _ in 1..=30 {
        drop(publish(&channel, &permits));
    }
    let doubt = timeout(Duration::from_mins(5), doubts.next()).await;
    assert!(doubt.is_err());
    let unblocked = connection::AMQPMethod::Unblocked(connection::Unblocked {});
    peer.send(&[on(0, AMQPClass::Connection(unblocked))]).await;
    for tag in 31..=60 {
        drop(publish(&channel, &permits));
        let confirm = if tag == 45 {
            ack(tag, false)
        } else {
            nack(tag)
        };
        peer.send(&[confirm]).await;
    }
    let doubt = timeout(Duration::from_mins(5), doubts.next()).await;
    assert!(doubt.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_closed_channel_ends_its_connection_only_where_it_publishes() {
    let (shared, mut peer) = connected(ROOM, None);
    let publishing = peer.publishing(&shared, &Arc::default()).await;
    let calling = peer.channel(&shared).await;
    let close = |reply_code| {
        AMQPClass::Channel(channel::AMQPMethod::Close(channel::Close {
            reply_code,
            reply_text: "why".into(),
            class_id: 0,
            method_id: 0,
        }))
    };
    let (called, ()) = tokio::join!(calling.message_count("queue"), peer.answer(close(404)));
    assert!(
        matches!(called, Err(Error::ChannelClosed { code: 404, .. })),
        "{called:?}"
    );
    assert!(!calling.is_open());
    let close_ok = AMQPClass::Channel(channel::AMQPMethod::CloseOk(channel::CloseOk {}));
    assert_eq!(peer.receive().await, Some(on(2, close_ok)));
    let permits = Permits::new();
    let confirmation = publish(&publishing, &permits);
    peer.send(&[on(1, close(406))]).await;
    let lost = confirmation.await.expect("told");
    assert!(
        matches!(
            lost,
            Err(PublishError::Lost(Error::ChannelClosed { code: 406, .. }))
        ),
        "{lost:?}"
    );
    let mut status = shared.status().subscribe();
    let ended = status.wait_for(|status| matches!(status, Status::Ended(_)));
    drop(ended.await.expect("a task"));
}
