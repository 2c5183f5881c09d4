//! Runs the jobs that replay or purge dead letters, as a part of the scheduler stage. Any number of processes may run them: each
//! job is leased by one at a time.

mod publish;
mod queue;

use std::time::Duration;

use metrics::counter;
use tidings_broker::{Backoff, BrokerSettings, MessageFactory, Publisher, WakePublisher};
use tidings_db::replay_jobs::{self, Chunk, ChunkResult, JobWork, TakenJob};
use tidings_db::{Database, DbError, TransactionOptions};
use tidings_runtime::statistics::events;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// How long after its last chunk a job of a dead process is continued by another one.
const LEASE: Duration = Duration::from_secs(10);

/// How often a process looks for new jobs.
const POLL: Duration = Duration::from_secs(1);

/// A job that is due may be in the hands of another process for a moment.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);

/// How long a process serves a job that is behind its rate, before it looks for another one.
const TURN: Duration = Duration::from_secs(1);

/// When a job that failed is tried again.
const RETRY: Duration = Duration::from_secs(3);

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

/// How a process ends its turn with a job.
enum Ended {
    /// The job is done, does not run, or waits for other processes.
    Job,
    /// Its turn is over.
    Turn,
    /// This process stops.
    Stopped,
    /// The job cannot go on now: why, for people.
    Failed(String),
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

    /// Runs until `stop` is cancelled. Finishes the chunk that it has begun. The copies in the queue are removed beside the chunks,
    /// because it may take minutes to read the queue.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(
            self.serve(JobWork::Chunks, &stop),
            self.serve(JobWork::Copies, &stop)
        );
    }

    async fn serve(&self, work: JobWork, stop: &CancellationToken) {
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let pause = match self.turn(work, stop).await {
                Ok(pause) => {
                    backoff.reset();
                    pause
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "jobs cannot use PostgreSQL; trying again");
                    backoff.next_pause()
                }
            };
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Takes the job that has waited longest, if one is due, and serves it for a while. Returns the time until the next turn.
    async fn turn(&self, work: JobWork, stop: &CancellationToken) -> Result<Duration, DbError> {
        // Without a broker, nothing can be published.
        if !self.publisher.is_connected() {
            return Ok(POLL);
        }
        let lease = self.lease;
        let taken = self
            .database
            .run(async |client| replay_jobs::take(client, work, lease).await)
            .await?;
        let Some(job) = taken else {
            let due = self
                .database
                .run(async |client| replay_jobs::next_due(client, work).await)
                .await?;
            return Ok(due.unwrap_or(POLL).clamp(SHORTEST_PAUSE, POLL));
        };
        let ended = match work {
            JobWork::Chunks => self.chunks(&job, stop).await,
            JobWork::Copies => self.copies(&job, stop).await,
        };
        match ended {
            Ok(Ended::Job) => {}
            Ok(Ended::Turn | Ended::Stopped) => self.release(&job).await?,
            Ok(Ended::Failed(error)) => self.postpone(&job, &error).await?,
            Err(error) => {
                // If PostgreSQL does not answer, this fails, too, and the lease ends by itself.
                self.postpone(&job, &format!("PostgreSQL: {error}")).await?;
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, job = %job.id, "a job cannot go on; trying again");
            }
        }
        Ok(Duration::ZERO)
    }

    /// Takes chunk after chunk while the job is behind its rate.
    async fn chunks(&self, job: &TakenJob, stop: &CancellationToken) -> Result<Ended, DbError> {
        let started = Instant::now();
        self.count(job, stop).await;
        loop {
            if stop.is_cancelled() {
                return Ok(Ended::Stopped);
            }
            match self.begin(job).await? {
                Chunk::Lost | Chunk::Stopped | Chunk::QueueLeft => return Ok(Ended::Job),
                Chunk::Taken {
                    publish,
                    pause,
                    processed_users,
                } => {
                    events::released_in_app(processed_users.len() as u64);
                    self.wakes.wake(processed_users);
                    let result = self.publish(publish).await;
                    if !self.finish(job, &result).await? {
                        return Ok(Ended::Job);
                    }
                    if !result.left.is_empty() {
                        return Ok(Ended::Failed(result.error.unwrap_or_default()));
                    }
                    if !pause.is_zero() || started.elapsed() >= TURN {
                        return Ok(Ended::Turn);
                    }
                }
            }
        }
    }

    /// Counts the dead letters of a job that has many. If that fails or takes long, the total stays a lower bound.
    async fn count(&self, job: &TakenJob, stop: &CancellationToken) {
        let counting = self
            .database
            .run(async |client| replay_jobs::count_total(client, job).await);
        let counting = stop.run_until_cancelled(timeout(self.lease / 2, counting));
        match counting.await {
            Some(Ok(Ok(Some(total)))) => {
                tracing::info!(job = %job.id, total, "the dead letters of a job are counted");
            }
            Some(Ok(Ok(None))) | None => {}
            // PostgreSQL may have ended the statement. If PostgreSQL is down, the first chunk fails, too.
            Some(Ok(Err(error))) => {
                let error = &error as &dyn std::error::Error;
                tracing::info!(error, job = %job.id, "the dead letters of a job could not be counted");
            }
            Some(Err(_)) => {
                tracing::info!(job = %job.id, "the dead letters of a job are too many to be counted in time");
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

    /// Removes the copies of a job from the queue, and ends it.
    async fn copies(&self, job: &TakenJob, stop: &CancellationToken) -> Result<Ended, DbError> {
        let note = tokio::select! {
            cleaned = self.clean_queue() => match cleaned {
                Ok(note) => note,
                Err(error) => return Ok(Ended::Failed(error)),
            },
            // What the sweep holds returns to the queue.
            () = stop.cancelled() => return Ok(Ended::Stopped),
            lost = self.keep_lease(job) => return lost.map(|()| Ended::Job),
        };
        let ended = self
            .database
            .transaction(TransactionOptions::default(), async |transaction| {
                replay_jobs::end(transaction, job, note).await
            })
            .await?;
        if !ended {
            // Paused at the last moment.
            return Ok(Ended::Turn);
        }
        tracing::info!(job = %job.id, kind = job.kind.as_str(), "a job has ended");
        Ok(Ended::Job)
    }

    /// Renews the lease of a job. Returns once another process has it.
    async fn keep_lease(&self, job: &TakenJob) -> Result<(), DbError> {
        let lease = self.lease;
        loop {
            tokio::time::sleep(lease / 3).await;
            let renewed = self
                .database
                .run(async |client| replay_jobs::renew(client, job, lease).await);
            if !renewed.await? {
                return Ok(());
            }
        }
    }

    async fn release(&self, job: &TakenJob) -> Result<(), DbError> {
        self.database
            .run(async |client| replay_jobs::release(client, job).await)
            .await
    }

    async fn postpone(&self, job: &TakenJob, error: &str) -> Result<(), DbError> {
        self.database
            .run(async |client| replay_jobs::postpone(client, job, RETRY, error).await)
            .await
    }
}

/// The metric of the results of messages that jobs publish.
fn replayed(result: &'static str) -> metrics::Counter {
    counter!("tidings_replay_messages_total", "result" => result)
}
