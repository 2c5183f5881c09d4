use std::sync::Arc;
use std::time::Duration;

use amq_protocol::frame::{AMQPFrame, parse_frame};
use lapin::protocol::{AMQPClass, basic, channel, confirm};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_util::compat::TokioAsyncReadCompatExt;

use super::super::channel::Channel;
use super::super::consume::Deliveries;
use super::super::io::Io;
use super::super::publish::PublishingChannel;
use super::super::shared::Shared;
use super::bytes_of;
use crate::doubts::Doubts;

/// The other end of a connection, which says what a test has it say.
pub struct Peer {
    pub stream: DuplexStream,
    read: Vec<u8>,
}

/// Ours, with its task running. The network holds `room` bytes each way.
pub fn connected(room: usize, heartbeat: Option<Duration>) -> (Arc<Shared>, Peer) {
    let (ours, stream) = duplex(room);
    let shared = Arc::new(Shared::new(4096, 10));
    tokio::spawn(Io::new(ours.compat(), Arc::clone(&shared), heartbeat));
    let read = Vec::new();
    (shared, Peer { stream, read })
}

impl Peer {
    pub fn new(stream: DuplexStream) -> Self {
        let read = Vec::new();
        Self { stream, read }
    }

    pub async fn send(&mut self, frames: &[AMQPFrame]) {
        let bytes = bytes_of(frames);
        self.stream.write_all(&bytes).await.expect("a live stream");
    }

    /// The next frame; `None` where the other side has hung up.
    pub async fn receive(&mut self) -> Option<AMQPFrame> {
        loop {
            if let Ok((rest, frame)) = parse_frame(self.read.as_slice()) {
                self.read = rest.to_vec();
                return Some(frame);
            }
            if self.stream.read_buf(&mut self.read).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// Receives a frame and answers it on its channel.
    pub async fn answer(&mut self, answer: AMQPClass) {
        let asked = self.receive().await.expect("a question");
        self.send(&[on(asked.channel_id(), answer)]).await;
    }

    /// Opens a channel on the connection.
    pub async fn channel(&mut self, shared: &Arc<Shared>) -> Channel {
        let open_ok = AMQPClass::Channel(channel::AMQPMethod::OpenOk(channel::OpenOk {}));
        let opening = Channel::open(Arc::clone(shared));
        let (opened, ()) = tokio::join!(opening, self.answer(open_ok));
        opened.expect("a channel")
    }

    /// The same with a consumer.
    pub async fn consuming(&mut self, shared: &Arc<Shared>) -> (Channel, Deliveries) {
        let channel = self.channel(shared).await;
        let consume_ok = basic::AMQPMethod::ConsumeOk(basic::ConsumeOk {
            consumer_tag: "consumer".into(),
        });
        let consuming = channel.consume("queue");
        let (consuming, ()) = tokio::join!(consuming, self.answer(AMQPClass::Basic(consume_ok)));
        let deliveries = consuming.expect("a consumer");
        (channel, deliveries)
    }

    /// The same with confirms, which may take a minute.
    pub async fn publishing(
        &mut self,
        shared: &Arc<Shared>,
        doubts: &Arc<Doubts>,
    ) -> PublishingChannel {
        let channel = self.channel(shared).await;
        let select_ok = AMQPClass::Confirm(confirm::AMQPMethod::SelectOk(confirm::SelectOk {}));
        let selecting = channel.with_confirms(Duration::from_mins(1), Arc::clone(doubts));
        let (selected, ()) = tokio::join!(selecting, self.answer(select_ok));
        selected.expect("confirms")
    }
}

/// A method on a channel.
pub fn on(channel: u16, class: AMQPClass) -> AMQPFrame {
    AMQPFrame::Method(channel, class)
}

/// A confirm on channel 1.
pub fn ack(delivery_tag: u64, multiple: bool) -> AMQPFrame {
    let ack = basic::Ack {
        delivery_tag,
        multiple,
    };
    on(1, AMQPClass::Basic(basic::AMQPMethod::Ack(ack)))
}

/// A negative one.
pub fn nack(delivery_tag: u64) -> AMQPFrame {
    let nack = basic::Nack {
        delivery_tag,
        multiple: false,
        requeue: false,
    };
    on(1, AMQPClass::Basic(basic::AMQPMethod::Nack(nack)))
}
