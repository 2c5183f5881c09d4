use std::convert::identity;
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
    /// Whether more requests always seem to be about to arrive.
    expects_more: bool,
}

type Number = Asked<u32, u32>;

impl GroupWork for Doubling {
    type Request = Number;
    type Replies = Vec<u32>;

    async fn gather(&self) {
        if self.expects_more {
            std::future::pending::<()>().await;
        }
    }

    async fn run(&self, requests: &[Number]) -> Result<Vec<u32>, DbError> {
        let numbers: Vec<u32> = requests.iter().map(|asked| asked.request).collect();
        let one = (Instant::now(), requests.len());
        self.started.lock().expect("not poisoned").push(one);
        self.go.notified().await;
        assert!(!numbers.contains(&13), "told to");
        if numbers.contains(&99) {
            return Err(DbError::TimedOut);
        }
        Ok(numbers.iter().map(|number| number * 2).collect())
    }

    fn reply(requests: Vec<Number>, replies: Vec<u32>) {
        Asked::reply_all(requests, replies);
    }
}

/// Submits all numbers at once. Returns the replies, and the start and the size of each transaction.
async fn doubled(
    interval: Duration,
    numbers: impl IntoIterator<Item = u32>,
) -> (Vec<Result<u32, ProcessError>>, Vec<(Instant, usize)>) {
    doubled_by(Doubling::default(), interval, numbers).await
}

async fn doubled_by(
    work: Doubling,
    interval: Duration,
    numbers: impl IntoIterator<Item = u32>,
) -> (Vec<Result<u32, ProcessError>>, Vec<(Instant, usize)>) {
    let group = Group::new(64, 64, interval);
    let work = Arc::new(work);
    let submitting = numbers
        .into_iter()
        .map(|number| group.submit(number, identity, &*work));
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
async fn requests_that_are_about_to_arrive_are_waited_for_but_not_for_long() {
    let expecting = || Doubling {
        expects_more: true,
        ..Doubling::default()
    };
    let began = Instant::now();
    let (replies, started) = doubled_by(expecting(), Duration::ZERO, 100..147).await;
    assert_eq!(replies.len(), 47);
    assert_eq!(sizes(&started), [47]);
    let waited = started[0].0 - began;
    assert!(
        waited >= GATHER_TIMEOUT && waited <= GATHER_TIMEOUT * 2,
        "{waited:?}"
    );
    let began = Instant::now();
    let (_, started) = doubled_by(expecting(), Duration::ZERO, 100..148).await;
    assert_eq!(sizes(&started), [48], "enough");
    assert_eq!(started[0].0, began);
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
