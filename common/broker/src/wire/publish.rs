use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use super::channel::Channel;
use super::confirms::Confirms;
use super::content::{self, TooLarge};
use super::error::Error;
use super::method::Confirm;
use super::shared::Work;
use crate::doubts::Doubts;
use crate::message::Outgoing;
use crate::publish_error::PublishError;

/// A channel to publish on, with confirms.
///
/// A message gets its number, its place among the frames and its slot for the confirm in one step, so a
/// confirm can never be taken for another message's.
#[derive(Debug)]
pub(crate) struct PublishingChannel(Channel);

/// How a message fares: ready once that is known. May be dropped, which takes nothing back.
pub(crate) type Confirmation = oneshot::Receiver<Result<(), PublishError>>;

impl PublishingChannel {
    pub(super) const fn new(channel: Channel) -> Self {
        Self(channel)
    }

    /// Publishes. The permit is kept until the message is confirmed or the connection is dead.
    ///
    /// # Errors
    ///
    /// Where the connection is dead, or the message is none that could be sent.
    pub(crate) fn publish(
        &self,
        message: &Outgoing,
        permit: OwnedSemaphorePermit,
    ) -> Result<Confirmation, PublishError> {
        let since = Instant::now();
        let published = self.with_turn(|mut turn| turn.publish(message, permit, since));
        Ok(published??)
    }

    /// Publishes many at once: nothing comes between them, and all go in one write where they can.
    ///
    /// # Errors
    ///
    /// Where the connection is dead: none of them is published.
    pub(crate) fn publish_all(
        &self,
        messages: impl IntoIterator<Item = (Outgoing, OwnedSemaphorePermit)>,
    ) -> Result<Vec<Result<Confirmation, PublishError>>, Error> {
        let since = Instant::now();
        self.with_turn(|mut turn| {
            let published = messages
                .into_iter()
                .map(|(message, permit)| Ok(turn.publish(&message, permit, since)?));
            published.collect()
        })
    }

    fn with_turn<T>(&self, act: impl FnOnce(Turn<'_>) -> T) -> Result<T, Error> {
        let Channel { shared, id } = &self.0;
        shared.with(|state| {
            let work = state.lines.get_mut(id).map(|line| &mut line.work);
            let Some(Work::Publishing(publishing)) = work else {
                return Err(Error::Closed);
            };
            Ok(act(Turn {
                out: &mut state.out,
                channel: *id,
                frame_max: shared.frame_max,
                publishing,
            }))
        })
    }
}

/// The right to publish on a channel, while nobody else does.
struct Turn<'a> {
    out: &'a mut Vec<u8>,
    channel: u16,
    frame_max: usize,
    publishing: &'a mut Publishing,
}

impl Turn<'_> {
    fn publish(
        &mut self,
        message: &Outgoing,
        permit: OwnedSemaphorePermit,
        since: Instant,
    ) -> Result<Confirmation, TooLarge> {
        content::write(self.out, self.channel, self.frame_max, message)?;
        let (sender, confirmation) = oneshot::channel();
        self.publishing.confirms.push(Slot {
            sender,
            since,
            overdue: false,
            _permit: permit,
        });
        Ok(confirmation)
    }
}

impl From<TooLarge> for PublishError {
    fn from(_: TooLarge) -> Self {
        Self::TooLarge
    }
}

/// What is known of the messages published on a channel.
#[derive(Debug)]
pub(super) struct Publishing {
    confirms: Confirms<Slot>,
    /// How long a confirm may take before that counts as a failure.
    timeout: Duration,
    doubts: Arc<Doubts>,
}

/// A message that waits for its confirm.
#[derive(Debug)]
struct Slot {
    sender: oneshot::Sender<Result<(), PublishError>>,
    since: Instant,
    /// Whether its being late has been counted.
    overdue: bool,
    _permit: OwnedSemaphorePermit,
}

/// A message of which is known how it fared, and nobody has been told.
#[derive(Debug)]
pub(super) struct Settled {
    slot: Slot,
    positive: bool,
}

impl Publishing {
    pub(super) fn new(timeout: Duration, doubts: Arc<Doubts>) -> Self {
        Self {
            confirms: Confirms::default(),
            timeout,
            doubts,
        }
    }

    /// Adds the messages that a confirm is for to `settled`.
    pub(super) fn settle(
        &mut self,
        confirm: Confirm,
        settled: &mut Vec<Settled>,
    ) -> Result<(), Error> {
        let positive = confirm.positive;
        let doubts = &self.doubts;
        self.confirms.settle(confirm, |slot| {
            // A message that was late has been counted.
            if !slot.overdue {
                doubts.told(positive);
            }
            settled.push(Settled { slot, positive });
        })
    }

    /// Counts the messages that have waited for too long. Those who published them need not be there any
    /// more to notice.
    pub(super) fn count_overdue(&mut self, now: Instant) {
        for slot in self.confirms.waiting() {
            if !slot.overdue && now.duration_since(slot.since) >= self.timeout {
                slot.overdue = true;
                self.doubts.timed_out();
            }
        }
    }

    /// Notes whether the broker takes publishes.
    pub(super) fn set_blocked(&self, blocked: bool) {
        self.doubts.set_blocked(blocked);
    }

    /// Tells everybody who waits that no confirm will come.
    pub(super) fn end(mut self, why: &Error) {
        let all = Confirm {
            tag: 0,
            multiple: true,
            positive: false,
        };
        // Cannot fail: it is for all.
        let _ = self.confirms.settle(all, |slot| {
            let _ = slot.sender.send(Err(PublishError::Lost(why.clone())));
        });
    }
}

impl Settled {
    /// Tells who waits for it, where somebody does, and gives the permit back.
    pub(super) fn tell(self) {
        let outcome = if self.positive {
            Ok(())
        } else {
            Err(PublishError::Refused)
        };
        let _ = self.slot.sender.send(outcome);
    }
}
