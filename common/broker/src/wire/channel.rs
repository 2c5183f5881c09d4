use std::sync::Arc;
use std::time::Duration;

use lapin::protocol::{AMQPClass, basic, channel, confirm, queue};
use tokio::sync::{mpsc, oneshot};

use super::consume::Deliveries;
use super::error::Error;
use super::method;
use super::publish::{Publishing, PublishingChannel};
use super::shared::{Line, Shared, State, Work};
use crate::doubts::Doubts;

/// A channel of a connection. Where it is dropped, it is closed.
#[derive(Debug)]
pub struct Channel {
    pub(super) shared: Arc<Shared>,
    pub(super) id: u16,
}

/// What the broker calls a good reason to close.
const REPLY_SUCCESS: u16 = 200;

impl Channel {
    pub(super) async fn open(shared: Arc<Shared>) -> Result<Self, Error> {
        let id = shared.new_line()?;
        let this = Self { shared, id };
        let open = channel::AMQPMethod::Open(channel::Open {});
        this.call(AMQPClass::Channel(open)).await?;
        Ok(this)
    }

    /// Turns it into one that publishes. A publish that takes longer than `timeout` to be confirmed
    /// raises `doubts`.
    pub(crate) async fn with_confirms(
        self,
        timeout: Duration,
        doubts: Arc<Doubts>,
    ) -> Result<PublishingChannel, Error> {
        let select = confirm::AMQPMethod::Select(confirm::Select { nowait: false });
        self.call(AMQPClass::Confirm(select)).await?;
        self.with_line(|_, line| {
            line.work = Work::Publishing(Publishing::new(timeout, doubts));
        })?;
        Ok(PublishingChannel::new(self))
    }

    /// How many messages wait in a queue.
    ///
    /// # Errors
    ///
    /// Where there is no such queue, which ends the channel, or the channel is dead.
    pub async fn message_count(&self, queue: &str) -> Result<u32, Error> {
        let declare = queue::AMQPMethod::Declare(queue::Declare {
            queue: queue.into(),
            passive: true,
            durable: false,
            exclusive: false,
            auto_delete: false,
            nowait: false,
            arguments: lapin::types::FieldTable::default(),
        });
        match self.call(AMQPClass::Queue(declare)).await? {
            AMQPClass::Queue(queue::AMQPMethod::DeclareOk(ok)) => Ok(ok.message_count),
            _ => Err(ANOTHER_ANSWER),
        }
    }

    /// Has the broker hand over at most `prefetch` messages that are not acknowledged.
    ///
    /// # Errors
    ///
    /// Where the channel is dead.
    pub async fn qos(&self, prefetch: u16) -> Result<(), Error> {
        let qos = basic::AMQPMethod::Qos(basic::Qos {
            prefetch_count: prefetch,
            global: false,
        });
        self.call(AMQPClass::Basic(qos)).await.map(drop)
    }

    /// Starts consuming a queue; once on a channel.
    ///
    /// # Errors
    ///
    /// Where the broker does not let us, which ends the channel, or the channel is dead.
    pub async fn consume(&self, queue: &str) -> Result<Deliveries, Error> {
        let (sender, receiver) = mpsc::unbounded_channel();
        // Before the answer, because messages may come right behind it.
        self.with_line(|_, line| line.work = Work::Consuming(sender))?;
        let consume = basic::AMQPMethod::Consume(basic::Consume {
            queue: queue.into(),
            // The broker names it.
            consumer_tag: "".into(),
            no_local: false,
            no_ack: false,
            exclusive: false,
            nowait: false,
            arguments: lapin::types::FieldTable::default(),
        });
        match self.call(AMQPClass::Basic(consume)).await? {
            AMQPClass::Basic(basic::AMQPMethod::ConsumeOk(ok)) => {
                Ok(Deliveries::new(receiver, ok.consumer_tag))
            }
            _ => Err(ANOTHER_ANSWER),
        }
    }

    /// Has the broker hand over no more.
    ///
    /// # Errors
    ///
    /// Where the channel is dead.
    pub async fn cancel(&self, deliveries: &Deliveries) -> Result<(), Error> {
        let cancel = basic::AMQPMethod::Cancel(basic::Cancel {
            consumer_tag: deliveries.consumer_tag().clone(),
            nowait: false,
        });
        self.call(AMQPClass::Basic(cancel)).await.map(drop)
    }

    /// Acknowledges a message, or with `multiple` all up to it. Does not wait; see [`Self::room`].
    ///
    /// # Errors
    ///
    /// Where the channel is dead.
    pub fn ack(&self, tag: u64, multiple: bool) -> Result<(), Error> {
        self.with_line(|out, _| method::write_ack(out, self.id, tag, multiple))
    }

    /// Negatively acknowledges a message, which does not go back to its queue. Does not wait; see
    /// [`Self::room`].
    ///
    /// # Errors
    ///
    /// Where the channel is dead.
    pub fn nack(&self, tag: u64) -> Result<(), Error> {
        self.with_line(|out, _| method::write_nack(out, self.id, tag))
    }

    /// Waits until little is left to be sent: the broker has not stopped reading.
    ///
    /// # Errors
    ///
    /// Where the connection is dead.
    pub async fn room(&self) -> Result<(), Error> {
        self.shared.room().await
    }

    /// Closes it. When this returns, the broker has worked off all that was sent on it.
    ///
    /// # Errors
    ///
    /// Where it is closed already.
    pub async fn close(&self) -> Result<(), Error> {
        let answer = self.with_line(|out, line| {
            let (sender, answer) = oneshot::channel();
            line.callers.push_back(sender);
            self.write_close(out, line);
            answer
        })?;
        self.answer(answer).await.map(drop)
    }

    /// Whether it lives.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let alive = |state: &mut State| Ok(state.lines.contains_key(&self.id));
        self.shared.with(alive).unwrap_or(false)
    }

    /// Sends a method and waits for its answer.
    async fn call(&self, class: AMQPClass) -> Result<AMQPClass, Error> {
        let answer = self.with_line(|out, line| {
            let (sender, answer) = oneshot::channel();
            line.callers.push_back(sender);
            method::write(out, self.id, &class);
            answer
        })?;
        self.answer(answer).await
    }

    async fn answer(
        &self,
        answer: oneshot::Receiver<Result<AMQPClass, Error>>,
    ) -> Result<AMQPClass, Error> {
        answer.await.unwrap_or_else(|_| Err(self.shared.why()))
    }

    fn with_line<T>(&self, act: impl FnOnce(&mut Vec<u8>, &mut Line) -> T) -> Result<T, Error> {
        self.shared.with(|state| {
            let line = state.lines.get_mut(&self.id);
            let line = line.filter(|line| !line.closing).ok_or(Error::Closed)?;
            Ok(act(&mut state.out, line))
        })
    }

    fn write_close(&self, out: &mut Vec<u8>, line: &mut Line) {
        line.closing = true;
        let close = channel::AMQPMethod::Close(channel::Close {
            reply_code: REPLY_SUCCESS,
            reply_text: "done".into(),
            class_id: 0,
            method_id: 0,
        });
        method::write(out, self.id, &AMQPClass::Channel(close));
    }
}

const ANOTHER_ANSWER: Error = Error::Protocol("an answer to another question");

impl Drop for Channel {
    fn drop(&mut self) {
        // Where that fails it is closed already.
        let _ = self.with_line(|out, line| self.write_close(out, line));
    }
}
