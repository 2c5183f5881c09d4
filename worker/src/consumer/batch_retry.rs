//! How a batch is got through, whatever happens: held while the surroundings are away, taken apart
//! where a single message spoils it.

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tidings_broker::{Backoff, Envelope, Failure};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Outcome, Surroundings, Work};
use crate::connectivity::{Connectivity, HoldGuard};

/// How long messages are held while the surroundings are away. After that they go back to the
/// queue, because a broker closes channels that sit on a message for too long (30 minutes).
const HOLD: Duration = Duration::from_mins(1);

/// How often the same messages may fail while the surroundings answer before they are suspected.
const FAILURES: u32 = 3;

/// The messages could not be processed now and must go back to their queue.
#[derive(Debug)]
pub(super) struct GiveBack;

enum Trouble {
    Surroundings(Surroundings),
    Panicked,
}

/// Processes a batch until each of its messages has an outcome. `None` stands for a message that
/// must go back to its queue: the surroundings stay away, or they are away and the program stops.
pub(super) async fn process<W: Work>(
    work: &W,
    batch: &[Envelope],
    hold: &mut Hold<'_>,
) -> Vec<Option<Outcome>> {
    let mut outcomes: Vec<Option<Outcome>> = vec![None; batch.len()];
    let whole = 0..batch.len();
    let mut left = Vec::from([whole]);
    while let Some(range) = left.pop() {
        match until_settled(work, &batch[range.clone()], hold).await {
            Ok(Some(settled)) => {
                for (place, outcome) in outcomes[range].iter_mut().zip(settled) {
                    *place = Some(outcome);
                }
            }
            Ok(None) => {
                hold.start_over();
                left.extend(halves(range));
            }
            Err(GiveBack) => break,
        }
    }
    outcomes
}

/// Tries the same messages until they are settled; `None` where they are to be taken apart.
async fn until_settled<W: Work>(
    work: &W,
    batch: &[Envelope],
    hold: &mut Hold<'_>,
) -> Result<Option<Vec<Outcome>>, GiveBack> {
    let mut failures = 0;
    loop {
        let error = match attempt(work, batch).await {
            Ok(outcomes) => return Ok(Some(outcomes)),
            Err(Trouble::Panicked) => {
                return Ok(alone(batch, "panicked", "processing the message panicked"));
            }
            Err(Trouble::Surroundings(error)) => error,
        };
        tracing::warn!(%error, messages = batch.len(), "messages are held: the trouble is not known to be theirs");
        hold.begin();
        if work.surroundings_answer().await {
            failures += 1;
        } else {
            failures = 0;
        }
        // Taking a batch apart costs nobody an attempt; that is for a single message alone, and for
        // it only where the servers are not to blame.
        let suspect = batch.len() > 1 || matches!(error, Surroundings::Unclear(_));
        if failures >= FAILURES && suspect {
            return Ok(alone(batch, "processing_failed", &error.to_string()));
        }
        hold.pause().await?;
    }
}

/// The outcome of a message that spoils every batch that it is in; `None` where it has company.
fn alone(batch: &[Envelope], reason: &'static str, detail: &str) -> Option<Vec<Outcome>> {
    let failure = Failure::new(reason, detail.to_owned());
    (batch.len() == 1).then(|| vec![Outcome::Retry(failure)])
}

async fn attempt<W: Work>(work: &W, batch: &[Envelope]) -> Result<Vec<Outcome>, Trouble> {
    let processing = AssertUnwindSafe(work.process(batch)).catch_unwind();
    match processing.await {
        Ok(Ok(outcomes)) if outcomes.len() == batch.len() => Ok(outcomes),
        Ok(Ok(outcomes)) => {
            tracing::error!(
                messages = batch.len(),
                outcomes = outcomes.len(),
                "work told another number of outcomes than it had messages"
            );
            Err(Trouble::Panicked)
        }
        Ok(Err(error)) => Err(Trouble::Surroundings(error)),
        Err(_) => Err(Trouble::Panicked),
    }
}

fn halves(range: Range<usize>) -> [Range<usize>; 2] {
    let middle = range.start.midpoint(range.end);
    [range.start..middle, middle..range.end]
}

/// Pauses between tries, for as long as the messages of one batch may be held. Meanwhile the worker
/// is not ready.
pub(super) struct Hold<'a> {
    since: Instant,
    backoff: Backoff,
    stop: &'a CancellationToken,
    connectivity: &'a Arc<Connectivity>,
    holding: Option<HoldGuard>,
    over: bool,
}

impl<'a> Hold<'a> {
    pub(super) fn new(stop: &'a CancellationToken, connectivity: &'a Arc<Connectivity>) -> Self {
        Self {
            since: Instant::now(),
            backoff: Backoff::new(),
            stop,
            connectivity,
            holding: None,
            over: false,
        }
    }

    /// Notes that messages are held.
    pub(super) fn begin(&mut self) {
        self.holding.get_or_insert_with(|| self.connectivity.hold());
    }

    /// Starts again with short pauses.
    pub(super) const fn start_over(&mut self) {
        self.backoff.reset();
    }

    /// Whether there is no time left.
    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    pub(super) async fn pause(&mut self) -> Result<(), GiveBack> {
        self.begin();
        // On the way out nobody waits for a server: the messages are safest in their queue.
        let in_time = self.since.elapsed() <= HOLD
            && self
                .stop
                .run_until_cancelled(self.backoff.pause())
                .await
                .is_some();
        self.over = !in_time;
        if in_time { Ok(()) } else { Err(GiveBack) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// Work whose every message says in its body how it ends.
    #[derive(Default)]
    struct Told {
        away: AtomicBool,
        seen: Mutex<Vec<usize>>,
    }

    impl Work for Told {
        async fn process(&self, batch: &[Envelope]) -> Result<Vec<Outcome>, Surroundings> {
            self.seen.lock().expect("not poisoned").push(batch.len());
            assert!(
                !batch.iter().any(|message| message.body == b"panic"),
                "told to"
            );
            let spoilt = batch.iter().any(|message| message.body == b"spoil");
            if spoilt || self.away.swap(false, Ordering::SeqCst) {
                return Err(Surroundings::Unclear("told to".to_owned()));
            }
            Ok(vec![Outcome::Done; batch.len()])
        }

        async fn given_up(&self, _: &Envelope, _: &Failure) -> Result<(), Surroundings> {
            Ok(())
        }

        async fn surroundings_answer(&self) -> bool {
            true
        }
    }

    fn batch(bodies: &[&str]) -> Vec<Envelope> {
        let message = |body: &&str| Envelope::of_body(body.as_bytes().to_vec());
        bodies.iter().map(message).collect()
    }

    async fn processed<W: Work>(
        work: &W,
        bodies: &[&str],
        stop: &CancellationToken,
    ) -> Vec<Option<Outcome>> {
        let connectivity = Arc::new(Connectivity::new(Arc::default()));
        process(work, &batch(bodies), &mut Hold::new(stop, &connectivity)).await
    }

    fn reasons(outcomes: &[Option<Outcome>]) -> Vec<&'static str> {
        let reason = |outcome: &Option<Outcome>| match outcome {
            Some(Outcome::Done) => "done",
            Some(Outcome::Retry(failure)) => failure.reason,
            None => "given back",
            other => panic!("{other:?}"),
        };
        outcomes.iter().map(reason).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_panics_costs_only_itself() {
        let bodies = ["", "", "panic", "", ""];
        let outcomes = processed(&Told::default(), &bodies, &CancellationToken::new()).await;
        assert_eq!(
            reasons(&outcomes),
            ["done", "done", "panicked", "done", "done"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn messages_that_spoil_their_batch_are_found_within_the_time_that_it_may_be_held() {
        let mut bodies = [""; 256];
        (bodies[3], bodies[200]) = ("spoil", "spoil");
        let outcomes = processed(&Told::default(), &bodies, &CancellationToken::new()).await;
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
    async fn a_batch_is_tried_again_as_a_whole_when_the_surroundings_were_away() {
        let work = Told {
            away: AtomicBool::new(true),
            ..Told::default()
        };
        let outcomes = processed(&work, &["", ""], &CancellationToken::new()).await;
        assert_eq!(reasons(&outcomes), ["done", "done"]);
        assert_eq!(*work.seen.lock().expect("not poisoned"), [2, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn messages_are_given_back_when_the_program_stops_while_the_surroundings_are_away() {
        let stop = CancellationToken::new();
        stop.cancel();
        let work = Told {
            away: AtomicBool::new(true),
            ..Told::default()
        };
        assert_eq!(
            reasons(&processed(&work, &[""], &stop).await),
            ["given back"]
        );
    }

    /// Work whose servers cannot do it, whether they answer or not.
    struct Away {
        answering: bool,
    }

    impl Work for Away {
        async fn process(&self, _: &[Envelope]) -> Result<Vec<Outcome>, Surroundings> {
            Err(Surroundings::Away("away".to_owned()))
        }

        async fn given_up(&self, _: &Envelope, _: &Failure) -> Result<(), Surroundings> {
            Ok(())
        }

        async fn surroundings_answer(&self) -> bool {
            self.answering
        }
    }

    #[tokio::test(start_paused = true)]
    async fn messages_are_held_for_a_minute_and_lose_no_attempt() {
        for answering in [false, true] {
            let start = Instant::now();
            let outcomes =
                processed(&Away { answering }, &["", ""], &CancellationToken::new()).await;
            assert_eq!(reasons(&outcomes), ["given back", "given back"]);
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
        let mut hold = Hold::new(&stop, &connectivity);
        hold.pause().await.expect("in time");
        assert!(health.is_holding());
        drop(hold);
        assert!(!health.is_holding());
    }
}
