//! How a batch is got through, whatever happens: held while the surroundings are away, taken apart
//! where a single message spoils it.

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tidings_common::broker::{Backoff, Failure};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Incoming, Outcome, Surroundings, Work};

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

/// Processes a batch until each of its messages has an outcome.
///
/// # Errors
///
/// Where the surroundings stay away, or while they are away and `stop` is cancelled.
pub(super) async fn process<W: Work>(
    work: &W,
    batch: &[Incoming],
    stop: &CancellationToken,
) -> Result<Vec<Outcome>, GiveBack> {
    let mut outcomes: Vec<Option<Outcome>> = vec![None; batch.len()];
    let whole = 0..batch.len();
    let mut left = Vec::from([whole]);
    let mut hold = Hold::new(stop);
    while let Some(range) = left.pop() {
        match until_settled(work, &batch[range.clone()], &mut hold).await? {
            Some(settled) => {
                for (place, outcome) in outcomes[range].iter_mut().zip(settled) {
                    *place = Some(outcome);
                }
            }
            None => left.extend(halves(range)),
        }
    }
    // Ranges that are left are split until they are settled, so no place is empty here.
    Ok(outcomes.into_iter().flatten().collect())
}

/// Tries the same messages until they are settled; `None` where they are to be taken apart.
async fn until_settled<W: Work>(
    work: &W,
    batch: &[Incoming],
    hold: &mut Hold<'_>,
) -> Result<Option<Vec<Outcome>>, GiveBack> {
    let mut failures = 0;
    loop {
        match attempt(work, batch).await {
            Ok(outcomes) => return Ok(Some(outcomes)),
            Err(Trouble::Panicked) => {
                return Ok(alone(batch, "panicked", "processing the message panicked"));
            }
            Err(Trouble::Surroundings(error)) => {
                tracing::warn!(%error, messages = batch.len(), "messages are held: the trouble is not theirs");
                if work.surroundings_answer().await {
                    failures += 1;
                    if failures == FAILURES {
                        return Ok(alone(batch, "processing_failed", &error.to_string()));
                    }
                } else {
                    failures = 0;
                }
                hold.pause().await?;
            }
        }
    }
}

/// The outcome of a message that spoils every batch that it is in; `None` where it has company.
fn alone(batch: &[Incoming], reason: &'static str, detail: &str) -> Option<Vec<Outcome>> {
    let failure = Failure {
        reason,
        detail: detail.to_owned(),
    };
    (batch.len() == 1).then(|| vec![Outcome::Retry(failure)])
}

async fn attempt<W: Work>(work: &W, batch: &[Incoming]) -> Result<Vec<Outcome>, Trouble> {
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

/// Pauses between tries, for as long as messages may be held.
pub(super) struct Hold<'a> {
    since: Instant,
    backoff: Backoff,
    stop: &'a CancellationToken,
}

impl<'a> Hold<'a> {
    pub(super) fn new(stop: &'a CancellationToken) -> Self {
        Self {
            since: Instant::now(),
            backoff: Backoff::new(),
            stop,
        }
    }

    pub(super) async fn pause(&mut self) -> Result<(), GiveBack> {
        if self.since.elapsed() > HOLD {
            return Err(GiveBack);
        }
        // On the way out nobody waits for a server: the messages are safest in their queue.
        self.stop
            .run_until_cancelled(self.backoff.pause())
            .await
            .ok_or(GiveBack)
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
        async fn process(&self, batch: &[Incoming]) -> Result<Vec<Outcome>, Surroundings> {
            self.seen.lock().expect("not poisoned").push(batch.len());
            assert!(
                !batch.iter().any(|message| message.body == b"panic"),
                "told to"
            );
            let spoilt = batch.iter().any(|message| message.body == b"spoil");
            if spoilt || self.away.swap(false, Ordering::SeqCst) {
                return Err(Surroundings("told to".to_owned()));
            }
            Ok(vec![Outcome::Done; batch.len()])
        }

        async fn given_up(&self, _: &Incoming, _: &Failure) -> Result<(), Surroundings> {
            Ok(())
        }

        async fn surroundings_answer(&self) -> bool {
            true
        }
    }

    fn batch(bodies: &[&str]) -> Vec<Incoming> {
        let message = |body: &&str| Incoming {
            attempt: None,
            routing_key: String::new(),
            properties: lapin::BasicProperties::default(),
            body: body.as_bytes().to_vec(),
            delivery_tag: 0,
        };
        bodies.iter().map(message).collect()
    }

    fn reasons(outcomes: &[Outcome]) -> Vec<&'static str> {
        let reason = |outcome: &Outcome| match outcome {
            Outcome::Done => "done",
            Outcome::Retry(failure) => failure.reason,
            other => panic!("{other:?}"),
        };
        outcomes.iter().map(reason).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_panics_costs_only_itself() {
        let messages = batch(&["", "", "panic", "", ""]);
        let outcomes = process(&Told::default(), &messages, &CancellationToken::new())
            .await
            .expect("processed");
        assert_eq!(
            reasons(&outcomes),
            ["done", "done", "panicked", "done", "done"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_spoils_its_batch_is_found_while_the_surroundings_answer() {
        let messages = batch(&["", "spoil", "", ""]);
        let outcomes = process(&Told::default(), &messages, &CancellationToken::new())
            .await
            .expect("processed");
        assert_eq!(
            reasons(&outcomes),
            ["done", "processing_failed", "done", "done"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_is_tried_again_as_a_whole_when_the_surroundings_were_away() {
        let work = Told {
            away: AtomicBool::new(true),
            ..Told::default()
        };
        let outcomes = process(&work, &batch(&["", ""]), &CancellationToken::new())
            .await
            .expect("processed");
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
        assert!(process(&work, &batch(&[""]), &stop).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn messages_are_held_for_a_minute_at_most() {
        struct Away;
        impl Work for Away {
            async fn process(&self, _: &[Incoming]) -> Result<Vec<Outcome>, Surroundings> {
                Err(Surroundings("away".to_owned()))
            }
            async fn given_up(&self, _: &Incoming, _: &Failure) -> Result<(), Surroundings> {
                Ok(())
            }
            async fn surroundings_answer(&self) -> bool {
                false
            }
        }
        let start = Instant::now();
        assert!(
            process(&Away, &batch(&["", ""]), &CancellationToken::new())
                .await
                .is_err()
        );
        assert!(
            (60..65).contains(&start.elapsed().as_secs()),
            "{:?}",
            start.elapsed()
        );
    }
}
