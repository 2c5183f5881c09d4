//! Shares one transaction among the messages that need one at the same time.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tidings_db::DbError;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use crate::consumer::ProcessError;

/// Maximum time for which a group waits for more requests.
const GATHER_TIMEOUT: Duration = Duration::from_millis(3);

/// What a transaction does for all requests of a group.
pub(super) trait GroupWork: Sync {
    /// A request of a message. If there are several kinds, an enum: each kind has a type of reply of its own.
    type Request: GroupRequest;
    /// The replies to the requests of a group.
    type Replies: Send;

    /// Waits while more requests are about to arrive. The group waits for this for a short time only, so that more requests
    /// share the transaction.
    fn gather(&self) -> impl Future<Output = ()> + Send;

    /// Serves all requests in one transaction.
    ///
    /// # Errors
    ///
    /// Fails if nothing was written, or if it is not known whether everything was. The same requests, or some of them,
    /// may follow again.
    fn run(
        &self,
        requests: &[Self::Request],
    ) -> impl Future<Output = Result<Self::Replies, DbError>> + Send;

    /// Sends the replies to the requests that `run` has served.
    fn reply(requests: Vec<Self::Request>, replies: Self::Replies);
}

/// A request that waits for its reply.
pub(super) trait GroupRequest: Send + Sync {
    /// Sends the error instead of a reply.
    fn fail(self, error: ProcessError);
}

/// A request of one kind, and where its reply goes.
pub(super) struct Asked<Q, R> {
    pub(super) request: Q,
    reply_to: oneshot::Sender<Result<R, ProcessError>>,
}

impl<Q, R> Asked<Q, R> {
    /// Sends each request its reply; `replies` are in the order of the requests.
    pub(super) fn reply_all(requests: Vec<Self>, replies: Vec<R>) {
        let mut replies = replies.into_iter();
        for asked in requests {
            asked.reply_from(&mut replies);
        }
    }

    /// Sends the first of `replies`.
    pub(super) fn reply_from(self, replies: &mut impl Iterator<Item = R>) {
        let missing = || ProcessError::Unclear("a request has no reply".to_owned());
        self.send(replies.next().ok_or_else(missing));
    }

    fn send(self, reply: Result<R, ProcessError>) {
        // A message whose task has ended needs no reply.
        let _ = self.reply_to.send(reply);
    }
}

impl<Q: Send + Sync, R: Send> GroupRequest for Asked<Q, R> {
    fn fail(self, error: ProcessError) {
        self.send(Err(error));
    }
}

/// The requests of many messages, served in groups by one transaction after the other.
///
/// A transaction costs as much as dozens of requests. So a group that is not nearly full waits for requests that are about to
/// arrive ([`GroupWork::gather`]), for at most [`GATHER_TIMEOUT`].
///
/// There is no task for this. Of the messages that wait, one serves a group, and its own request with it. So a request in
/// a quiet channel is served at once, and while a transaction runs, the next group gathers.
pub(super) struct Group<Q> {
    max_size: usize,
    /// A group of this size waits for no more requests.
    enough: usize,
    /// Minimum time between the starts of two transactions. Does not apply to a group with enough requests.
    interval: Duration,
    waiting: Mutex<VecDeque<Q>>,
    /// There are enough requests.
    enough_wait: Notify,
    /// The right to serve a group.
    turn: Semaphore,
    /// When the next transaction may start.
    next_start: Mutex<Instant>,
}

impl<Q: GroupRequest> Group<Q> {
    /// A group has at most `max_size` requests. Hardly more than `usual` wait at the same time.
    pub(super) fn new(max_size: usize, usual: usize, interval: Duration) -> Self {
        Self {
            max_size,
            // Not all, because the last of them would take longest.
            enough: (max_size.min(usual) * 3).div_ceil(4),
            enough_wait: Notify::new(),
            interval,
            waiting: Mutex::default(),
            turn: Semaphore::new(1),
            next_start: Mutex::new(Instant::now()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Q>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves a request in a transaction that it shares with others. `kind` makes it a request of the group.
    ///
    /// # Errors
    ///
    /// Returns the error of the transaction. An error that a single request causes reaches only this request.
    pub(super) async fn submit<A, R>(
        &self,
        request: A,
        kind: impl FnOnce(Asked<A, R>) -> Q,
        work: &impl GroupWork<Request = Q>,
    ) -> Result<R, ProcessError> {
        let (reply_to, mut replied) = oneshot::channel();
        let waiting = {
            let mut waiting = self.lock();
            waiting.push_back(kind(Asked { request, reply_to }));
            waiting.len()
        };
        if waiting >= self.enough {
            self.enough_wait.notify_one();
        }
        loop {
            tokio::select! {
                biased;
                reply = &mut replied => return reply.unwrap_or_else(|_| Err(abandoned())),
                turn = self.turn.acquire() => {
                    let _turn = turn.map_err(|_| abandoned())?;
                    self.serve(work).await;
                }
            }
        }
    }

    /// Serves the requests that wait, as many as a group has.
    async fn serve(&self, work: &impl GroupWork<Request = Q>) {
        let start = *self
            .next_start
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let gathering = async {
            sleep_until(start).await;
            // After a timeout, those that have arrived are served.
            let _ = timeout(GATHER_TIMEOUT, work.gather()).await;
        };
        tokio::select! {
            biased;
            () = self.wait_for_enough() => {}
            () = gathering => {}
        }
        let requests: Vec<Q> = {
            let mut waiting = self.lock();
            let count = waiting.len().min(self.max_size);
            waiting.drain(..count).collect()
        };
        if requests.is_empty() {
            return;
        }
        *self
            .next_start
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Instant::now() + self.interval;
        run_apart(work, requests).await;
    }

    /// Waits until enough requests wait.
    async fn wait_for_enough(&self) {
        while self.lock().len() < self.enough {
            self.enough_wait.notified().await;
        }
    }
}

/// Serves requests in one transaction, and those that make it fail apart from the others.
async fn run_apart<W: GroupWork>(work: &W, requests: Vec<W::Request>) {
    let mut remaining = vec![requests];
    while let Some(mut part) = remaining.pop() {
        let running = AssertUnwindSafe(work.run(&part)).catch_unwind();
        let (error, may_be_request) = match running.await {
            Ok(Ok(replies)) => {
                W::reply(part, replies);
                continue;
            }
            // If PostgreSQL has answered, one of the requests can be the cause.
            Ok(Err(error)) => {
                let may_be_request = error.leaves_connection_usable();
                (error.into(), may_be_request)
            }
            Err(_) => (
                ProcessError::Unclear("serving a message panicked".to_owned()),
                true,
            ),
        };
        if may_be_request && part.len() > 1 {
            let second_half = part.split_off(part.len() / 2);
            remaining.extend([second_half, part]);
        } else {
            for request in part {
                request.fail(error.clone());
            }
        }
    }
}

/// The message that served the group panicked or was dropped.
fn abandoned() -> ProcessError {
    ProcessError::Environment("the transaction was abandoned".to_owned())
}

#[cfg(test)]
mod tests;
