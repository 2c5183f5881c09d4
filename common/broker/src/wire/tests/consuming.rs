use amq_protocol::frame::{AMQPContentHeader, AMQPFrame};
use lapin::BasicProperties;
use lapin::protocol::{AMQPClass, basic, channel};

use super::super::error::Error;
use super::peer::{connected, on};

const ROOM: usize = 64 * 1024;

/// A message without a body, as the broker hands it over on channel 1.
fn deliver(delivery_tag: u64) -> [AMQPFrame; 2] {
    let deliver = basic::AMQPMethod::Deliver(basic::Deliver {
        consumer_tag: "consumer".into(),
        delivery_tag,
        redelivered: false,
        exchange: "exchange".into(),
        routing_key: "key".into(),
    });
    let header = AMQPContentHeader {
        class_id: 60,
        body_size: 0,
        properties: BasicProperties::default(),
    };
    [
        on(1, AMQPClass::Basic(deliver)),
        AMQPFrame::Header(1, header),
    ]
}

fn close_ok() -> AMQPClass {
    AMQPClass::Channel(channel::AMQPMethod::CloseOk(channel::CloseOk {}))
}

#[tokio::test(start_paused = true)]
async fn what_came_before_a_cancellation_can_still_be_taken() {
    let (shared, mut peer) = connected(ROOM, None);
    let (_channel, mut deliveries) = peer.consuming(&shared).await;
    assert!(deliveries.pop().is_none());
    let cancel = basic::AMQPMethod::Cancel(basic::Cancel {
        consumer_tag: "consumer".into(),
        nowait: true,
    });
    let [one, two, three] = [1, 2, 3].map(deliver);
    let frames = [one, two].concat();
    peer.send(&frames).await;
    deliveries.ready().await.expect("a message");
    peer.send(&three).await;
    peer.send(&[on(1, AMQPClass::Basic(cancel))]).await;
    let mut taken = Vec::new();
    let end = loop {
        match deliveries.ready().await {
            Ok(()) => taken.extend(deliveries.pop().map(|delivery| delivery.delivery_tag)),
            Err(end) => break end,
        }
    };
    assert_eq!(taken, [1, 2, 3]);
    assert!(matches!(end, Error::Cancelled), "{end:?}");
    assert!(deliveries.pop().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_channel_is_closed_when_the_broker_has_worked_off_what_was_sent_before() {
    let (shared, mut peer) = connected(ROOM, None);
    let (channel, mut deliveries) = peer.consuming(&shared).await;
    peer.send(&[deliver(1), deliver(2), deliver(3)].concat())
        .await;
    deliveries.ready().await.expect("a message");
    channel.ack(1, false).expect("a live channel");
    channel.nack(2).expect("a live channel");
    channel.ack(3, true).expect("a live channel");
    channel.room().await.expect("a live connection");
    let broker = async {
        let mut heard = Vec::new();
        loop {
            match peer.receive().await {
                Some(AMQPFrame::Method(1, AMQPClass::Basic(method))) => heard.push(method),
                Some(AMQPFrame::Method(1, AMQPClass::Channel(channel::AMQPMethod::Close(_)))) => {
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        // What was on its way is nobody's any more.
        peer.send(&deliver(4)).await;
        assert!(channel.is_open());
        peer.send(&[on(1, close_ok())]).await;
        heard
    };
    let (closed, heard) = tokio::join!(channel.close(), broker);
    closed.expect("an answer");
    assert!(!channel.is_open());
    assert!(matches!(channel.ack(4, false), Err(Error::Closed)));
    let ack = |delivery_tag, multiple| {
        basic::AMQPMethod::Ack(basic::Ack {
            delivery_tag,
            multiple,
        })
    };
    let nack = basic::AMQPMethod::Nack(basic::Nack {
        delivery_tag: 2,
        multiple: false,
        requeue: false,
    });
    assert_eq!(heard, [ack(1, false), nack, ack(3, true)]);
    // The connection lives on.
    peer.channel(&shared).await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_channel_is_closed_and_its_number_is_not_used_at_once() {
    let (shared, mut peer) = connected(ROOM, None);
    let first = peer.channel(&shared).await;
    assert_eq!(first.id, 1);
    drop(first);
    let closed = peer.receive().await;
    assert!(
        matches!(
            closed,
            Some(AMQPFrame::Method(
                1,
                AMQPClass::Channel(channel::AMQPMethod::Close(_))
            ))
        ),
        "{closed:?}"
    );
    peer.send(&[on(1, close_ok())]).await;
    for id in (2..=10).chain(1..=3) {
        let channel = peer.channel(&shared).await;
        assert_eq!(channel.id, id);
        drop(channel);
        peer.answer(close_ok()).await;
    }
}
