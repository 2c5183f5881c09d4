use std::time::Duration;

use jiff::Timestamp;

use super::report::ChannelReport;
use super::view::StatsFigures;
use crate::notification::DeliveredChannel;

/// Whether a server responds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// It responds.
    Connected,
    /// It cannot be reached.
    Disconnected,
}

/// What a queue is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueRole {
    /// Messages to be recorded.
    Intake,
    /// Messages of a channel, to be delivered.
    Delivery(DeliveredChannel),
    /// Events of other programs.
    Event,
    /// Deferred messages.
    Wait,
    /// Messages that wait for another attempt.
    Rung {
        /// The number of the rung, from 1.
        number: u32,
        /// How long they wait.
        delay: Duration,
    },
    /// Dead letters.
    DeadLetters,
}

impl QueueRole {
    /// Whether a stage of a worker consumes the queue.
    #[must_use]
    pub const fn is_work(self) -> bool {
        matches!(self, Self::Intake | Self::Delivery(_) | Self::Event)
    }
}

/// One queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueFacts {
    /// Its name in metrics and statistics.
    pub label: String,
    /// What it is for.
    pub role: QueueRole,
    /// Its ready messages and its consumers; `None` if the broker does not answer.
    pub counts: Option<(u32, u32)>,
}

/// A switch of an operator that stops a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelSwitch {
    /// The channel that is stopped.
    pub channel: DeliveredChannel,
    /// Why.
    pub reason: Option<String>,
    /// Who stopped it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A count that ends at a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CappedCount {
    /// How many, or the limit.
    pub count: u64,
    /// Whether there are more.
    pub is_capped: bool,
}

/// How many, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatedCount {
    /// How many.
    pub count: u64,
    /// Since when, if there is one.
    pub since: Option<Timestamp>,
}

/// The jobs that do not get on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobFacts {
    /// Jobs that no process runs, although one should.
    pub without_process: DatedCount,
    /// Jobs that could not go on when they last tried.
    pub with_error: u64,
}

/// A process that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningProcess {
    /// `api` or `worker`.
    pub program: String,
    /// Its version.
    pub version: String,
    /// What a worker serves.
    pub stages: Vec<String>,
    /// The channels that it delivers.
    pub channels: Vec<ChannelReport>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it last reported.
    pub seen_at: Timestamp,
}

/// What PostgreSQL knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatabaseFacts {
    /// The processes that run.
    pub processes: Vec<RunningProcess>,
    /// The channels that operators have stopped.
    pub switches: Vec<ChannelSwitch>,
    /// The figures of the last hour.
    pub figures: StatsFigures,
    /// All dead letters.
    pub dead_letters: CappedCount,
    /// Those of the last 24 hours.
    pub dead_letters_24h: CappedCount,
    /// Since when the oldest notification waits that may be sent now.
    pub oldest_waiting: Option<Duration>,
    /// How late the oldest scheduled notification is.
    pub overdue: Option<Duration>,
    /// How late the oldest recurring schedule is.
    pub schedules_overdue: Option<Duration>,
    /// How late the oldest digest is.
    pub digests_overdue: Option<Duration>,
    /// The time since a scheduler last ran.
    pub scheduler_seen: Option<Duration>,
    /// The schedules that a failure has paused.
    pub schedules_failed: u64,
    /// Jobs that do not get on.
    pub jobs: JobFacts,
    /// Webhook endpoints that Tidings has disabled.
    pub endpoints_disabled: CappedCount,
}

/// Everything that an overview is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// When.
    pub at: Timestamp,
    /// RabbitMQ.
    pub broker: ServerState,
    /// The queues.
    pub queues: Vec<QueueFacts>,
    /// `QUEUE_MAX_LENGTH`; 0 for none.
    pub max_queue_length: u32,
    /// What PostgreSQL knows; `None` if it cannot be asked.
    pub database: Option<DatabaseFacts>,
}

impl Facts {
    /// The counts of a queue.
    #[must_use]
    pub fn queue(&self, role: QueueRole) -> Option<(u32, u32)> {
        let mut queues = self.queues.iter();
        queues.find(|queue| queue.role == role)?.counts
    }
}
