use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use lapin::protocol::AMQPClass;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::error::Error;
use super::parser::Delivery;
use super::publish::Publishing;

/// How many bytes may wait to be written before [`Channel::room`](super::Channel::room) waits.
const ROOM: usize = 64 * 1024;

/// How a connection is.
#[derive(Clone, Debug)]
pub enum Status {
    /// It lives.
    Open,
    /// It lives, and the broker has run short of memory or disk: it takes no publishes.
    Blocked,
    /// It is dead, for this reason.
    Ended(Error),
}

/// What a connection's task and those who use the connection share.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    status: watch::Sender<Status>,
    pub(super) frame_max: usize,
    channel_max: u16,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Frames that the task has not taken yet.
    pub(super) out: Vec<u8>,
    /// How many bytes the task has taken and not all written.
    writing: usize,
    /// Set while the task sleeps with nothing to write.
    sleeper: Option<Waker>,
    /// Who waits until little is to be written.
    room: Vec<oneshot::Sender<()>>,
    /// The open channels.
    pub(super) lines: BTreeMap<u16, Line>,
    /// The number that the last channel was given.
    last: u16,
    /// Why the connection is dead; whoever sees it set finds nothing else here.
    end: Option<Error>,
}

/// A channel, as the connection knows it.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Who waits for the answers to methods, which come in order.
    pub(super) callers: VecDeque<oneshot::Sender<Result<AMQPClass, Error>>>,
    /// What it is for.
    pub(super) work: Work,
    /// Whether we have asked the broker to close it.
    pub(super) closing: bool,
}

#[derive(Debug, Default)]
pub(super) enum Work {
    /// Nothing but methods and their answers.
    #[default]
    Calls,
    /// Publishing with confirms.
    Publishing(Publishing),
    /// Where the messages of its consumer go.
    Consuming(mpsc::UnboundedSender<Result<Vec<Delivery>, Error>>),
}

impl Shared {
    pub(super) fn new(frame_max: usize, channel_max: u16) -> Self {
        Self {
            state: Mutex::default(),
            status: watch::Sender::new(Status::Open),
            frame_max,
            channel_max,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Whatever panicked while it held the lock left nothing half done that matters here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) const fn status(&self) -> &watch::Sender<Status> {
        &self.status
    }

    /// Does something with the state of a connection that lives, and wakes its task where it left
    /// something to write.
    pub(super) fn with<T>(
        &self,
        act: impl FnOnce(&mut State) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut state = self.lock();
        if let Some(end) = &state.end {
            return Err(end.clone());
        }
        let done = act(&mut state);
        let sleeper = if state.out.is_empty() {
            None
        } else {
            state.sleeper.take()
        };
        drop(state);
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
        done
    }

    /// Makes a channel, which the broker has yet to be told of, and does something with it.
    pub(super) fn new_line(&self) -> Result<u16, Error> {
        self.with(|state| {
            // In turn, so that a number is not used again while an answer to its last use may be on its
            // way.
            let following = (state.last..self.channel_max).map(|id| id + 1);
            let free = following
                .chain(1..=state.last)
                .find(|id| !state.lines.contains_key(id));
            let id = free.ok_or_else(|| Error::Unusable("all channels are in use".to_owned()))?;
            state.lines.insert(id, Line::default());
            state.last = id;
            Ok(id)
        })
    }

    /// Waits until little is to be written, for those who would otherwise write without end.
    pub(super) async fn room(&self) -> Result<(), Error> {
        let waiting = self.with(|state| {
            if state.out.len() + state.writing <= ROOM {
                return Ok(None);
            }
            let (sender, receiver) = oneshot::channel();
            state.room.push(sender);
            Ok(Some(receiver))
        })?;
        match waiting {
            // Where the sender is dropped, the connection has ended.
            Some(receiver) => receiver.await.map_err(|_| self.why()),
            None => Ok(()),
        }
    }

    /// For the task, which has written everything that it had: gives it what has been gathered since, in
    /// exchange for its empty buffer. Where that is nothing, the task is to be woken for the next.
    pub(super) fn refill(&self, writing: &mut Vec<u8>, waker: &Waker) {
        let mut state = self.lock();
        std::mem::swap(&mut state.out, writing);
        state.writing = writing.len();
        if writing.len() <= ROOM {
            for waiting in state.room.drain(..) {
                let _ = waiting.send(());
            }
        }
        if writing.is_empty() {
            state.sleeper = Some(waker.clone());
        }
    }

    /// Counts the messages that have waited too long for their confirm.
    pub(super) fn count_overdue(&self, now: Instant) {
        for line in self.lock().lines.values_mut() {
            if let Work::Publishing(publishing) = &mut line.work {
                publishing.count_overdue(now);
            }
        }
    }

    /// Why the connection is dead.
    pub(super) fn why(&self) -> Error {
        self.lock().end.clone().unwrap_or(Error::Closed)
    }

    /// Notes that the connection is dead, and tells everybody who waits for anything.
    pub(super) fn end(&self, why: &Error) {
        let mut state = self.lock();
        if state.end.is_some() {
            return;
        }
        let left = std::mem::replace(
            &mut *state,
            State {
                end: Some(why.clone()),
                ..State::default()
            },
        );
        drop(state);
        for line in left.lines.into_values() {
            line.end(why);
        }
        self.status.send_replace(Status::Ended(why.clone()));
    }
}

impl Line {
    /// Tells everybody who waits for something on this channel that it is dead.
    pub(super) fn end(self, why: &Error) {
        for caller in self.callers {
            let _ = caller.send(Err(why.clone()));
        }
        match self.work {
            Work::Calls => {}
            Work::Publishing(publishing) => publishing.end(why),
            Work::Consuming(deliveries) => {
                let _ = deliveries.send(Err(why.clone()));
            }
        }
    }
}
