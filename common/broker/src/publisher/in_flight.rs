use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use super::request::Request;
use crate::frame_size::header_frame_size;
use crate::message::Outgoing;
use crate::publish_error::PublishError;

/// The messages of one connection that wait for their confirms.
#[derive(Default)]
pub(super) struct InFlight {
    /// By number, in the order in which they were published.
    waiting: BTreeMap<u64, Waiting>,
    /// The number of the next message.
    next: u64,
    /// Every message below this number is confirmed or counted as late.
    not_late: u64,
}

struct Waiting {
    reply: oneshot::Sender<Result<(), PublishError>>,
    _permit: OwnedSemaphorePermit,
    since: Instant,
}

impl InFlight {
    /// Registers a message. Returns its number and the message to publish, or `None` if it is too large
    /// for a frame of this connection.
    pub(super) fn begin(&mut self, request: Request, frame_max: usize) -> Option<(u64, Outgoing)> {
        let Request {
            message,
            reply,
            permit,
            batch: _,
        } = request;
        if header_frame_size(&message.properties) > frame_max {
            let _ = reply.send(Err(PublishError::TooLarge));
            return None;
        }
        let number = self.next;
        self.next += 1;
        let waiting = Waiting {
            reply,
            _permit: permit,
            since: Instant::now(),
        };
        self.waiting.insert(number, waiting);
        Some((number, message))
    }

    /// Reports the confirm of a message to its publisher. Returns whether it came in time.
    pub(super) fn settle(&mut self, number: u64, positive: bool) -> bool {
        if let Some(waiting) = self.waiting.remove(&number) {
            let result = if positive {
                Ok(())
            } else {
                Err(PublishError::Refused)
            };
            let _ = waiting.reply.send(result);
        }
        number >= self.not_late
    }

    /// How many messages have become late since the last call. Publishers that went away cannot count
    /// their own.
    pub(super) fn count_late(&mut self, now: Instant, limit: Duration) -> usize {
        let unseen = self.waiting.range(self.not_late..);
        let late = unseen.take_while(|(_, waiting)| now.duration_since(waiting.since) >= limit);
        let (count, last) = late.fold((0, None), |(count, _), (number, _)| {
            (count + 1, Some(*number))
        });
        if let Some(last) = last {
            self.not_late = last + 1;
        }
        count
    }

    /// Reports to all publishers that no confirm will come.
    pub(super) fn fail(&mut self, reason: &str) {
        for waiting in std::mem::take(&mut self.waiting).into_values() {
            let _ = waiting
                .reply
                .send(Err(PublishError::Lost(reason.to_owned())));
        }
    }
}
