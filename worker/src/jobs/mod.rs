//! Runs the jobs that replay or purge dead letters, as a part of the scheduler stage. Any number of processes may run them: each
//! job is leased by one at a time.

mod publish;
mod queue;

use std::time::Duration;

use metrics::counter;
use tidings_broker::{Backoff, BrokerSettings, MessageFactory, Publisher, WakePublisher};
use tidings_db::replay_jobs::{self, Chunk, ChunkResult, TakenJob};
use tidings_db::{Database, DbError, TransactionOptions};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long after its last chunk a job of a dead process is continued by another one.
const LEASE: Duration = Duration::from_secs(10);

/// How often a process looks for jobs.
const POLL: Duration = Duration::from_secs(1);

/// Runs jobs.
pub struct JobRunner {
    database: Database,
    publisher: Publisher,
    message_factory: MessageFactory,
    wakes: WakePublisher,
    broker: BrokerSettings,
    /// Of a chunk, whose messages take a while to be confirmed.
    lease: Duration,
}

/// How a process ends its work on a job.
enum Ended {
    /// The job is done, or does not run.
    Job,
    /// A server does not answer, or this process stops.
    Interrupted,
}

impl JobRunner {
    /// Reads from `database`, publishes with `publisher`, and cleans the dead-letter queue of `broker`.
    #[must_use]
    pub fn new(
        database: Database,
        publisher: Publisher,
        wakes: WakePublisher,
        broker: BrokerSettings,
        publish_timeout: Duration,
    ) -> Self {
        for result in ["done", "failed"] {
            replayed(result).absolute(0);
        }
        Self {
            database,
            publisher,
            message_factory: MessageFactory::new(&broker),
            wakes,
            broker,
            lease: LEASE + publish_timeout,
        }
    }

    /// Runs until `stop` is cancelled. Finishes the chunk that it has begun.
    pub async fn run(self, stop: CancellationToken) {
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let pause = match self.turn(&stop, &mut backoff).await {
                Ok(pause) => pause,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "jobs cannot use PostgreSQL; trying again");
                    backoff.next_pause()
                }
            };
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Takes a job, if there is one, and runs it. Returns the time until the next turn.
    async fn turn(
        &self,
        stop: &CancellationToken,
        backoff: &mut Backoff,
    ) -> Result<Duration, DbError> {
        // Without a broker, nothing can be published.
        if !self.publisher.is_connected() {
            return Ok(POLL);
        }
        let lease = self.lease;
        let taken = self
            .database
            .run(async |client| replay_jobs::take(client, lease).await)
            .await?;
        let Some(job) = taken else {
            backoff.reset();
            return Ok(POLL);
        };
        tracing::info!(job = %job.id, kind = job.kind.as_str(), "a job runs");
        let ended = self.work(&job, stop).await;
        if !matches!(ended, Ok(Ended::Job)) {
            let released = self
                .database
                .run(async |client| replay_jobs::release(client, &job).await);
            // The lease would end by itself.
            let _ = released.await;
        }
        match ended? {
            Ended::Job => {
                backoff.reset();
                Ok(Duration::ZERO)
            }
            Ended::Interrupted => Ok(backoff.next_pause()),
        }
    }

    /// Takes chunk after chunk, at the rate of the job.
    async fn work(&self, job: &TakenJob, stop: &CancellationToken) -> Result<Ended, DbError> {
        loop {
            if stop.is_cancelled() {
                return Ok(Ended::Interrupted);
            }
            let started = Instant::now();
            match self.begin(job).await? {
                Chunk::Lost | Chunk::Stopped => return Ok(Ended::Job),
                Chunk::QueueLeft => {
                    self.end(job, stop).await?;
                    return Ok(Ended::Job);
                }
                Chunk::Taken {
                    publish,
                    taken,
                    rate_per_second,
                    processed_users,
                } => {
                    self.wakes.wake(processed_users);
                    let result = self.publish(publish).await;
                    let is_interrupted = !result.left.is_empty();
                    if !self.finish(job, &result).await? {
                        return Ok(Ended::Job);
                    }
                    if is_interrupted {
                        return Ok(Ended::Interrupted);
                    }
                    let pause = Duration::from_secs(taken.into()) / rate_per_second.max(1);
                    let pause = tokio::time::sleep_until(started + pause);
                    stop.run_until_cancelled(pause).await;
                }
            }
        }
    }

    async fn begin(&self, job: &TakenJob) -> Result<Chunk, DbError> {
        let lease = self.lease;
        self.database
            .transaction(TransactionOptions::default(), async |transaction| {
                replay_jobs::begin_chunk(transaction, job, lease, publish::skip_reason).await
            })
            .await
    }

    async fn finish(&self, job: &TakenJob, result: &ChunkResult) -> Result<bool, DbError> {
        self.database
            .transaction(TransactionOptions::default(), async |transaction| {
                replay_jobs::finish_chunk(transaction, job, result).await
            })
            .await
    }

    async fn end(&self, job: &TakenJob, stop: &CancellationToken) -> Result<(), DbError> {
        let note = self.clean_queue(stop).await;
        let ended = self
            .database
            .transaction(TransactionOptions::default(), async |transaction| {
                replay_jobs::end(transaction, job, note).await
            })
            .await?;
        if ended {
            tracing::info!(job = %job.id, kind = job.kind.as_str(), "a job is done");
        } else {
            // Paused or aborted at the last moment: another turn settles it.
            self.database
                .run(async |client| replay_jobs::release(client, job).await)
                .await?;
        }
        Ok(())
    }
}

/// The metric of the results of messages that jobs publish.
fn replayed(result: &'static str) -> metrics::Counter {
    counter!("tidings_replay_messages_total", "result" => result)
}
