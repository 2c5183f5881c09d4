use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use metrics::counter;
use tidings_db::inbox::SeenPosition;
use tidings_db::notifications::PayloadReader;
use tokio::sync::Notify;

use super::event;

/// A client that has not taken so many events when others come gets `reset` instead of all of them.
const MAX_EVENTS: usize = 64;

/// The same for the size of the events, in bytes, with those that come. What a single look has found may be larger.
const MAX_BYTES: usize = 256 << 10;

/// The events that a stream has not written.
pub(super) struct StreamQueue {
    pub(super) reader: PayloadReader,
    waiting: Mutex<Waiting>,
    added: Notify,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Bytes>,
    bytes: usize,
    /// What the client has seen once it has all events. Written with the next keep-alive.
    position: Option<SeenPosition>,
}

impl StreamQueue {
    pub(super) fn new(reader: PayloadReader) -> Self {
        Self {
            reader,
            waiting: Mutex::default(),
            added: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds events, after which the client has seen `position`; `None` if they say nothing about that.
    pub(super) fn push(&self, events: &[Bytes], position: Option<&SeenPosition>) {
        let mut waiting = self.lock();
        // A client that has taken everything is not behind, whatever a look has found.
        let before = waiting.events.len();
        waiting.events.extend(events.iter().cloned());
        waiting.bytes += events.iter().map(Bytes::len).sum::<usize>();
        let is_behind = before >= MAX_EVENTS || (before > 0 && waiting.bytes > MAX_BYTES);
        if let Some(position) = position {
            waiting.position = Some(position.clone());
        }
        if is_behind {
            counter!("tidings_inbox_stream_resets_total").increment(1);
            let position = waiting.position.as_ref().map(event::position);
            waiting.events = [event::reset()].into_iter().chain(position).collect();
            waiting.bytes = 0;
        }
        drop(waiting);
        self.added.notify_one();
    }

    /// Notes that there was nothing new up to `position`.
    pub(super) fn nothing_until(&self, position: &SeenPosition) {
        self.lock().position = Some(position.clone());
    }

    /// Waits for events, and takes all.
    pub(super) async fn next(&self) -> Bytes {
        loop {
            if let Some(events) = self.take() {
                return events;
            }
            self.added.notified().await;
        }
    }

    fn take(&self) -> Option<Bytes> {
        let mut waiting = self.lock();
        if waiting.events.len() < 2 {
            waiting.bytes = 0;
            return waiting.events.pop_front();
        }
        waiting.bytes = 0;
        let events: Vec<Bytes> = waiting.events.drain(..).collect();
        Some(events.concat().into())
    }

    /// Takes the position of a client that has all events.
    pub(super) fn take_position(&self) -> Option<SeenPosition> {
        let mut waiting = self.lock();
        if waiting.events.is_empty() {
            waiting.position.take()
        } else {
            None
        }
    }
}
