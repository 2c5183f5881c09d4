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
    /// What one message asks for.
    type Request: Send + Sync;
    /// What one message gets.
    type Reply: Send;

    /// Serves all requests in one transaction. Returns one reply for each, in their order.
    ///
    /// # Errors
    ///
    /// Fails if nothing was written, or if it is not known whether everything was. The same requests, or some of them,
    /// may follow again.
    fn run(
        &self,
        requests: &[Self::Request],
    ) -> impl Future<Output = Result<Vec<Self::Reply>, DbError>> + Send;
}

/// The requests of many messages, served in groups by one transaction after the other.
///
/// There is no task for this. Of the messages that wait, one serves a group, and its own request with it. So a request in
/// a quiet channel is served at once, and while a transaction runs, the next group gathers.
pub(super) struct Group<Q, R> {
    max_size: usize,
    /// Minimum time between the starts of two transactions. Does not apply to a full group.
    interval: Duration,
    waiting: Mutex<VecDeque<Waiting<Q, R>>>,
    /// The right to serve a group, and when the next transaction may start.
    turn: Semaphore,
    next_start: Mutex<Instant>,
}

struct Waiting<Q, R> {
    request: Q,
    reply: oneshot::Sender<Result<R, ProcessError>>,
}

impl<Q, R> Group<Q, R> {
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

    fn lock(&self) -> MutexGuard<'_, VecDeque<Waiting<Q, R>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves a request in a transaction that it shares with others.
    ///
    /// # Errors
    ///
    /// Returns the error of the transaction. An error that a single request causes reaches only this request.
    pub(super) async fn submit<W>(&self, request: Q, work: &W) -> Result<R, ProcessError>
    where
        W: GroupWork<Request = Q, Reply = R>,
    {
        let (reply, mut replied) = oneshot::channel();
        self.lock().push_back(Waiting { request, reply });
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
    async fn serve<W: GroupWork<Request = Q, Reply = R>>(&self, work: &W) {
        let is_full = self.lock().len() >= self.max_size;
        let start = *self
            .next_start
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !is_full {
            sleep_until(start).await;
        }
        let (requests, replies): (Vec<Q>, Vec<_>) = {
            let mut waiting = self.lock();
            let count = waiting.len().min(self.max_size);
            let group = waiting.drain(..count);
            group.map(|one| (one.request, one.reply)).unzip()
        };
        if requests.is_empty() {
            return;
        }
        *self
            .next_start
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Instant::now() + self.interval;
        let results = run_apart(work, &requests).await;
        for (reply, result) in replies.into_iter().zip(results) {
            // A message whose task has ended needs no reply.
            let _ = reply.send(result);
        }
    }
}

/// Serves requests in one transaction, and those that make it fail apart from the others.
async fn run_apart<W: GroupWork>(
    work: &W,
    requests: &[W::Request],
) -> Vec<Result<W::Reply, ProcessError>> {
    let mut results: Vec<_> = requests.iter().map(|_| None).collect();
    let all = 0..requests.len();
    let mut remaining = Vec::from([all]);
    while let Some(range) = remaining.pop() {
        let running = AssertUnwindSafe(work.run(&requests[range.clone()])).catch_unwind();
        let (error, may_be_request) = match running.await {
            Ok(Ok(replies)) => {
                for (place, reply) in results[range].iter_mut().zip(replies) {
                    *place = Some(Ok(reply));
                }
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
        if may_be_request && range.len() > 1 {
            let middle = range.start.midpoint(range.end);
            remaining.extend([middle..range.end, range.start..middle]);
        } else {
            results[range].fill_with(|| Some(Err(error.clone())));
        }
    }
    let missing = || Err(ProcessError::Unclear("a request has no reply".to_owned()));
    results
        .into_iter()
        .map(|result| result.unwrap_or_else(missing))
        .collect()
}

/// The message that served the group panicked or was dropped.
fn abandoned() -> ProcessError {
    ProcessError::Environment("the transaction was abandoned".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Notify;

    use super::*;

    /// Doubles numbers. Panics if one of them is 13, and is unavailable for 99.
    #[derive(Default)]
    struct Doubling {
        /// The start and the size of each transaction.
        started: Mutex<Vec<(Instant, usize)>>,
        /// Each transaction waits for this.
        go: Notify,
    }

    impl GroupWork for Doubling {
        type Request = u32;
        type Reply = u32;

        async fn run(&self, requests: &[u32]) -> Result<Vec<u32>, DbError> {
            let one = (Instant::now(), requests.len());
            self.started.lock().expect("not poisoned").push(one);
            self.go.notified().await;
            assert!(!requests.contains(&13), "told to");
            if requests.contains(&99) {
                return Err(DbError::TimedOut);
            }
            Ok(requests.iter().map(|number| number * 2).collect())
        }
    }

    /// Submits all numbers at once. Returns the replies, and the start and the size of each transaction.
    async fn doubled(
        interval: Duration,
        numbers: impl IntoIterator<Item = u32>,
    ) -> (Vec<Result<u32, ProcessError>>, Vec<(Instant, usize)>) {
        let group = Group::new(64, interval);
        let work = Arc::new(Doubling::default());
        let submitting = numbers
            .into_iter()
            .map(|number| group.submit(number, &*work));
        let going = async {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                work.go.notify_one();
            }
        };
        let replies = tokio::select! {
            replies = futures_util::future::join_all(submitting) => replies,
            () = going => Vec::new(),
        };
        let started = work.started.lock().expect("not poisoned").clone();
        (replies, started)
    }

    fn sizes(started: &[(Instant, usize)]) -> Vec<usize> {
        started.iter().map(|(_, size)| *size).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_arrives_during_a_transaction_shares_the_next() {
        let (replies, started) = doubled(Duration::ZERO, 100..200).await;
        for (number, reply) in (100..).zip(replies) {
            assert_eq!(reply.expect("served"), number * 2);
        }
        assert_eq!(sizes(&started), [1, 64, 35]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_transaction_that_is_not_full_starts_an_interval_after_the_last() {
        let interval = Duration::from_millis(5);
        let (_, started) = doubled(interval, 100..200).await;
        assert_eq!(sizes(&started), [1, 64, 35]);
        assert!(started[1].0 < started[0].0 + interval, "a full one");
        assert!(started[2].0 >= started[1].0 + interval);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_makes_its_transaction_panic_fails_alone() {
        let (replies, _) = doubled(Duration::ZERO, 0..64).await;
        for (number, reply) in (0..).zip(replies) {
            match number {
                13 => assert!(reply.is_err()),
                _ => assert_eq!(reply.expect("served"), number * 2),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_unavailable_server_is_not_asked_again_for_each_request() {
        let numbers = std::iter::once(0).chain(90..100);
        let (replies, started) = doubled(Duration::ZERO, numbers).await;
        assert_eq!(replies.iter().filter(|reply| reply.is_err()).count(), 10);
        assert_eq!(sizes(&started), [1, 10]);
    }
}
