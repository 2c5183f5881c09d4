//! Shares one transaction among the messages that need one at the same time.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tidings_db::DbError;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::consumer::ProcessError;

/// What a transaction does for all requests of a group.
pub(super) trait GroupWork: Sync {
    /// A request of a message. If there are several kinds, an enum: each kind has a type of reply of its own.
    type Request: GroupRequest;
    /// The replies to the requests of a group.
    type Replies: Send;

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
/// There is no task for this. Of the messages that wait, one serves a group, and its own request with it. So a request in
/// a quiet channel is served at once, and while a transaction runs, the next group gathers.
pub(super) struct Group<Q> {
    max_size: usize,
    /// Minimum time between the starts of two transactions. Does not apply to a full group.
    interval: Duration,
    waiting: Mutex<VecDeque<Q>>,
    /// The right to serve a group.
    turn: Semaphore,
    /// When the next transaction may start.
    next_start: Mutex<Instant>,
}

impl<Q: GroupRequest> Group<Q> {
    /// A group has at most `max_size` requests.
    pub(super) fn new(max_size: usize, interval: Duration) -> Self {
        Self {
            max_size,
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
        self.lock().push_back(kind(Asked { request, reply_to }));
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
        let is_full = self.lock().len() >= self.max_size;
        let start = *self
            .next_start
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !is_full {
            sleep_until(start).await;
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
