//! Processes a batch until each of its messages has an outcome. Holds the batch while a server is down, and
//! splits it if a single message makes it fail.

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tidings_broker::{Backoff, Envelope, Failure};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{BatchProcessor, MessageOutcome, Place, ProcessError};
use crate::connectivity::{Connectivity, HoldGuard};

/// How long messages are held while a server is down. After this time they return to the queue, because a
/// broker closes AMQP channels that do not settle a message for too long (30 minutes).
const MAX_HOLD: Duration = Duration::from_mins(1);

/// Number of failures, while the servers respond, after which the messages count as the cause.
const MAX_FAILURES: u32 = 3;

/// The messages cannot be processed now and must return to their queue.
#[derive(Debug)]
pub(super) struct Requeue;

/// Why one call of the processor returned no outcomes.
enum CallError {
    Process(ProcessError),
    Panicked,
}

/// Processes a batch until each of its messages has an outcome. The outcome is `None` if the message must
/// return to its queue: a server stays down, or a server is down while the program stops.
pub(super) async fn process<P: BatchProcessor>(
    processor: &P,
    batch: &[Envelope],
    place: &Place,
    hold: &mut BatchHold<'_>,
) -> Vec<Option<MessageOutcome>> {
    let mut outcomes: Vec<Option<MessageOutcome>> = vec![None; batch.len()];
    let whole = 0..batch.len();
    let mut remaining = Vec::from([whole]);
    while let Some(range) = remaining.pop() {
        match process_part(processor, &batch[range.clone()], place, hold).await {
            Ok(Some(part)) => {
                for (place, outcome) in outcomes[range].iter_mut().zip(part) {
                    *place = Some(outcome);
                }
            }
            Ok(None) => {
                hold.reset_backoff();
                remaining.extend(halves(range));
            }
            Err(Requeue) => break,
        }
    }
    outcomes
}

/// Processes a part of a batch again and again until it has outcomes. Returns `None` if the part must be split.
async fn process_part<P: BatchProcessor>(
    processor: &P,
    part: &[Envelope],
    place: &Place,
    hold: &mut BatchHold<'_>,
) -> Result<Option<Vec<MessageOutcome>>, Requeue> {
    let mut failures = 0;
    loop {
        let error = match call(processor, part, place).await {
            Ok(outcomes) => return Ok(Some(outcomes)),
            Err(CallError::Panicked) => {
                return Ok(retry_single(
                    part,
                    "panicked",
                    "processing the message panicked",
                ));
            }
            Err(CallError::Process(error)) => error,
        };
        tracing::warn!(%error, messages = part.len(), "messages are held: they are not known to be the cause");
        hold.begin();
        if processor.servers_respond().await {
            failures += 1;
        } else {
            failures = 0;
        }
        // A split uses up no attempt, so it needs no proof. A single message fails only if the servers are not
        // the cause.
        let may_be_cause = part.len() > 1 || matches!(error, ProcessError::Unclear(_));
        if failures >= MAX_FAILURES && may_be_cause {
            return Ok(retry_single(part, "processing_failed", &error.to_string()));
        }
        hold.pause().await?;
    }
}

/// Returns the outcome of a message that fails by itself; `None` if the part has more than one message.
fn retry_single(
    part: &[Envelope],
    reason: &'static str,
    detail: &str,
) -> Option<Vec<MessageOutcome>> {
    let failure = Failure::new(reason, detail.to_owned());
    (part.len() == 1).then(|| vec![MessageOutcome::Retry(failure)])
}

async fn call<P: BatchProcessor>(
    processor: &P,
    part: &[Envelope],
    place: &Place,
) -> Result<Vec<MessageOutcome>, CallError> {
    let processing = AssertUnwindSafe(processor.process(part, place)).catch_unwind();
    match processing.await {
        Ok(Ok(outcomes)) if outcomes.len() == part.len() => Ok(outcomes),
        Ok(Ok(outcomes)) => {
            tracing::error!(
                messages = part.len(),
                outcomes = outcomes.len(),
                "the processor returned a wrong number of outcomes"
            );
            Err(CallError::Panicked)
        }
        Ok(Err(error)) => Err(CallError::Process(error)),
        Err(_) => Err(CallError::Panicked),
    }
}

fn halves(range: Range<usize>) -> [Range<usize>; 2] {
    let middle = range.start.midpoint(range.end);
    [range.start..middle, middle..range.end]
}

/// The pauses between the attempts to process one batch, limited to the time for which the batch may be held.
/// The worker is not ready while it holds a batch.
pub(super) struct BatchHold<'a> {
    since: Instant,
    backoff: Backoff,
    stop: &'a CancellationToken,
    connectivity: &'a Arc<Connectivity>,
    guard: Option<HoldGuard>,
    has_ended: bool,
}

impl<'a> BatchHold<'a> {
    pub(super) fn new(stop: &'a CancellationToken, connectivity: &'a Arc<Connectivity>) -> Self {
        Self {
            since: Instant::now(),
            backoff: Backoff::new(),
            stop,
            connectivity,
            guard: None,
            has_ended: false,
        }
    }

    /// Records that the worker holds messages.
    pub(super) fn begin(&mut self) {
        self.guard.get_or_insert_with(|| self.connectivity.hold());
    }

    /// Returns to the shortest pause.
    pub(super) const fn reset_backoff(&mut self) {
        self.backoff.reset();
    }

    /// Whether the messages must return to their queue.
    pub(super) const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Pauses before the next attempt.
    ///
    /// # Errors
    ///
    /// Fails if the messages have been held for too long, or if the program stops.
    pub(super) async fn pause(&mut self) -> Result<(), Requeue> {
        self.begin();
        // A program that stops does not wait for a server: the messages are safer in their queue.
        let in_time = self.since.elapsed() <= MAX_HOLD
            && self
                .stop
                .run_until_cancelled(self.backoff.pause())
                .await
                .is_some();
        self.has_ended = !in_time;
        if in_time { Ok(()) } else { Err(Requeue) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// Panics or fails if the body of a message says so.
    #[derive(Default)]
    struct ScriptedProcessor {
        fails_once: AtomicBool,
        batch_sizes: Mutex<Vec<usize>>,
    }

    impl BatchProcessor for ScriptedProcessor {
        async fn process(
            &self,
            batch: &[Envelope],
            _: &Place,
        ) -> Result<Vec<MessageOutcome>, ProcessError> {
            self.batch_sizes
                .lock()
                .expect("not poisoned")
                .push(batch.len());
            assert!(
                !batch.iter().any(|message| message.body == b"panic"),
                "the test wants a panic"
            );
            let fails = batch.iter().any(|message| message.body == b"fail");
            if fails || self.fails_once.swap(false, Ordering::SeqCst) {
                return Err(ProcessError::Unclear("the test wants an error".to_owned()));
            }
            Ok(vec![MessageOutcome::Done; batch.len()])
        }

        async fn record_dead_letter(&self, _: &Envelope, _: &Failure) -> Result<(), ProcessError> {
            Ok(())
        }

        async fn servers_respond(&self) -> bool {
            true
        }
    }

    fn batch(bodies: &[&str]) -> Vec<Envelope> {
        let message = |body: &&str| Envelope::of_body(body.as_bytes().to_vec());
        bodies.iter().map(message).collect()
    }

    async fn processed<P: BatchProcessor>(
        processor: &P,
        bodies: &[&str],
        stop: &CancellationToken,
    ) -> Vec<Option<MessageOutcome>> {
        let connectivity = Arc::new(Connectivity::new(Arc::default()));
        let mut hold = BatchHold::new(stop, &connectivity);
        process(processor, &batch(bodies), &Place::default(), &mut hold).await
    }

    fn reasons(outcomes: &[Option<MessageOutcome>]) -> Vec<&'static str> {
        let reason = |outcome: &Option<MessageOutcome>| match outcome {
            Some(MessageOutcome::Done) => "done",
            Some(MessageOutcome::Retry(failure)) => failure.reason,
            None => "requeued",
            other => panic!("{other:?}"),
        };
        outcomes.iter().map(reason).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_fails_only_its_message() {
        let bodies = ["", "", "panic", "", ""];
        let processor = ScriptedProcessor::default();
        let outcomes = processed(&processor, &bodies, &CancellationToken::new()).await;
        assert_eq!(
            reasons(&outcomes),
            ["done", "done", "panicked", "done", "done"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn messages_that_make_their_batch_fail_are_found_before_the_hold_ends() {
        let mut bodies = [""; 256];
        (bodies[3], bodies[200]) = ("fail", "fail");
        let processor = ScriptedProcessor::default();
        let outcomes = processed(&processor, &bodies, &CancellationToken::new()).await;
        let reasons = reasons(&outcomes);
        assert_eq!(
            (reasons[3], reasons[200]),
            ("processing_failed", "processing_failed")
        );
        assert_eq!(
            reasons.iter().filter(|reason| **reason == "done").count(),
            254
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_failed_once_is_tried_again_as_a_whole() {
        let processor = ScriptedProcessor {
            fails_once: AtomicBool::new(true),
            ..ScriptedProcessor::default()
        };
        let outcomes = processed(&processor, &["", ""], &CancellationToken::new()).await;
        assert_eq!(reasons(&outcomes), ["done", "done"]);
        assert_eq!(*processor.batch_sizes.lock().expect("not poisoned"), [2, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn held_messages_are_requeued_when_the_program_stops() {
        let stop = CancellationToken::new();
        stop.cancel();
        let processor = ScriptedProcessor {
            fails_once: AtomicBool::new(true),
            ..ScriptedProcessor::default()
        };
        assert_eq!(
            reasons(&processed(&processor, &[""], &stop).await),
            ["requeued"]
        );
    }

    /// Never processes a message, whether its servers respond or not.
    struct UnavailableProcessor {
        servers_respond: bool,
    }

    impl BatchProcessor for UnavailableProcessor {
        async fn process(
            &self,
            _: &[Envelope],
            _: &Place,
        ) -> Result<Vec<MessageOutcome>, ProcessError> {
            Err(ProcessError::Environment("unavailable".to_owned()))
        }

        async fn record_dead_letter(&self, _: &Envelope, _: &Failure) -> Result<(), ProcessError> {
            Ok(())
        }

        async fn servers_respond(&self) -> bool {
            self.servers_respond
        }
    }

    #[tokio::test(start_paused = true)]
    async fn messages_are_held_for_a_minute_and_lose_no_attempt() {
        for servers_respond in [false, true] {
            let start = Instant::now();
            let processor = UnavailableProcessor { servers_respond };
            let outcomes = processed(&processor, &["", ""], &CancellationToken::new()).await;
            assert_eq!(reasons(&outcomes), ["requeued", "requeued"]);
            assert!(
                (60..65).contains(&start.elapsed().as_secs()),
                "{:?}",
                start.elapsed()
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_worker_is_not_ready_while_messages_are_held() {
        let (stop, health) = (CancellationToken::new(), Arc::default());
        let connectivity = Arc::new(Connectivity::new(Arc::clone(&health)));
        let mut hold = BatchHold::new(&stop, &connectivity);
        hold.pause().await.expect("in time");
        assert!(health.is_holding());
        drop(hold);
        assert!(!health.is_holding());
    }
}
