use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;

use actix_web::HttpRequest;
use actix_web::body::BodySize;

use crate::byte_budget::Reservation;

/// Responses below this size, in bytes, take nothing from the budget: the buffers of a connection are as large.
const SMALL_RESPONSE: usize = 4096;

/// What a connection does. The names say what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The first byte of a request.
    Idle,
    /// The rest of a request head.
    Head,
    /// The handler.
    Handler,
    /// The rest of a request body.
    Body,
    /// The next part of a response that has no end.
    Stream,
    /// The client's end of a connection that was refused.
    Closing,
}

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client sends nothing, or another connection needs the place.
    Close,
    /// The request head takes too long. The client gets a 408.
    SlowHead,
    /// The client does not read its response. What it has not read is discarded.
    Abort,
}

/// The time of the connections of one thread, in ticks, and the order of their events.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    pub(crate) now: Cell<u32>,
    sequence: Cell<u64>,
}

impl Clock {
    fn next(&self) -> u64 {
        let next = self.sequence.get() + 1;
        self.sequence.set(next);
        next
    }
}

/// The memory for responses is exhausted, because clients do not read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overloaded;

/// The state of one connection. Its stream, the middleware and the table of its thread share it.
#[derive(Debug)]
pub struct Connection {
    clock: Rc<Clock>,
    phase: Cell<Phase>,
    /// The tick at which the phase began.
    since: Cell<u32>,
    /// The position of the last request among the events of all connections of the thread.
    order: Cell<u64>,
    /// The tick since which the client has not taken all of what was written.
    blocked_since: Cell<Option<u32>>,
    /// Bytes of responses that the client has not taken.
    unsent: RefCell<Reservation>,
    /// Those of them that are kept for the response to the present request.
    kept: Cell<usize>,
    end: Cell<Option<End>>,
    waker: RefCell<Option<Waker>>,
}

impl Connection {
    pub(crate) fn new(clock: Rc<Clock>, unsent: Reservation) -> Rc<Self> {
        Rc::new(Self {
            phase: Cell::new(Phase::Idle),
            since: Cell::new(clock.now.get()),
            order: Cell::new(clock.next()),
            blocked_since: Cell::new(None),
            unsent: RefCell::new(unsent),
            kept: Cell::new(0),
            end: Cell::new(None),
            waker: RefCell::new(None),
            clock,
        })
    }

    /// The connection of a request, or `None` if no server of this crate has received it, as in unit tests.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Option<Rc<Self>> {
        request.conn_data::<Rc<Self>>().cloned()
    }

    /// Records that a handler has the request.
    pub fn begin_request(&self) {
        self.enter(Phase::Handler);
    }

    /// Records that the handler waits for the request body, until [`Connection::end_body`].
    pub fn begin_body(&self) {
        self.enter(Phase::Body);
    }

    /// Records that the request body has arrived.
    pub fn end_body(&self) {
        self.enter(Phase::Handler);
    }

    /// Keeps `bytes` for the response to the present request, so that the handler need not begin with a long response that
    /// would be dropped.
    ///
    /// # Errors
    ///
    /// Fails if too many bytes wait for their clients.
    pub fn keep_for_response(&self, bytes: usize) -> Result<(), Overloaded> {
        let reserved = self.unsent.borrow_mut().grow(bytes);
        if reserved {
            self.kept.set(self.kept.get() + bytes);
        }
        reserved.then_some(()).ok_or(Overloaded)
    }

    /// Records that the handler has ended, with a response of this size. Its bytes count until they are sent.
    ///
    /// # Errors
    ///
    /// Fails if too many bytes wait for their clients. The response must then be dropped, and a short one sent.
    pub fn end_request(&self, body: BodySize) -> Result<(), Overloaded> {
        self.enter(Phase::Idle);
        self.order.set(self.clock.next());
        let bytes = match body {
            BodySize::Sized(bytes) if bytes >= SMALL_RESPONSE as u64 => {
                usize::try_from(bytes).unwrap_or(usize::MAX)
            }
            _ => 0,
        };
        let kept = self.kept.take();
        let mut unsent = self.unsent.borrow_mut();
        if kept >= bytes {
            unsent.shrink(kept - bytes);
            return Ok(());
        }
        let reserved = unsent.grow(bytes - kept);
        if !reserved {
            unsent.shrink(kept);
        }
        reserved.then_some(()).ok_or(Overloaded)
    }

    /// Records that the response is a stream that may be silent for long. Until [`Connection::end_stream`], the connection is
    /// not idle, and gives its place to no other. It ends if the client does not read, or closes its side.
    pub fn begin_stream(&self) {
        self.enter(Phase::Stream);
    }

    /// Records that the stream has ended.
    pub fn end_stream(&self) {
        self.enter(Phase::Idle);
        self.order.set(self.clock.next());
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(self.clock.now.get());
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Records that bytes have arrived.
    pub(crate) fn received(&self) {
        if self.phase.get() == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    /// Records that the client has taken `bytes` of what was written, which is everything if `all`.
    pub(crate) fn sent(&self, bytes: usize, all: bool) {
        self.unsent.borrow_mut().shrink(bytes);
        if all {
            self.blocked_since.set(None);
        }
    }

    /// Records that the client takes no more bytes at present.
    pub(crate) fn blocked(&self, waker: &Waker) {
        if self.blocked_since.get().is_none() {
            self.blocked_since.set(Some(self.clock.now.get()));
        }
        self.wake_by(waker);
    }

    /// Stores the waker of the connection's task.
    pub(crate) fn wake_by(&self, waker: &Waker) {
        let mut stored = self.waker.borrow_mut();
        if !stored.as_ref().is_some_and(|old| old.will_wake(waker)) {
            *stored = Some(waker.clone());
        }
    }

    /// Ends the connection. The first reason remains.
    pub(crate) fn finish(&self, end: End) {
        if self.end.get().is_none() {
            self.end.set(Some(end));
        }
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    pub(crate) fn ended(&self) -> Option<End> {
        self.end.get()
    }

    /// Ticks since the phase began.
    pub(crate) fn phase_age(&self) -> u32 {
        self.clock.now.get().saturating_sub(self.since.get())
    }

    /// Ticks since the client has not taken all of what was written.
    pub(crate) fn blocked_age(&self) -> Option<u32> {
        let since = self.blocked_since.get()?;
        Some(self.clock.now.get().saturating_sub(since))
    }

    pub(crate) fn order(&self) -> u64 {
        self.order.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::byte_budget::ByteBudget;

    #[test]
    fn bytes_that_are_kept_become_those_of_the_response() {
        let budget = ByteBudget::new(100_000);
        let connection = || Connection::new(Rc::default(), budget.reservation());
        let (one, other) = (connection(), connection());
        assert_eq!(one.keep_for_response(60_000), Ok(()));
        assert_eq!(other.keep_for_response(60_000), Err(Overloaded));
        assert_eq!(one.end_request(BodySize::Sized(30_000)), Ok(()));
        assert_eq!(other.keep_for_response(60_000), Ok(()));
        assert_eq!(
            other.end_request(BodySize::Sized(80_000)),
            Err(Overloaded),
            "30,000 are not sent yet"
        );
        assert_eq!(other.keep_for_response(70_000), Ok(()));
        assert_eq!(other.end_request(BodySize::None), Ok(()), "an error");
        one.sent(30_000, true);
        assert_eq!(other.keep_for_response(100_000), Ok(()));
    }
}
