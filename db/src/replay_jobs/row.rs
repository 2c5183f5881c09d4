use std::fmt;

use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Publishes dead letters again.
    Replay,
    /// Removes dead letters. Their rows stay failed.
    Purge,
}

impl JobKind {
    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Purge => "purge",
        }
    }

    pub(super) fn of(name: &str) -> Self {
        if name == "purge" {
            Self::Purge
        } else {
            Self::Replay
        }
    }
}

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It waits for a scheduler.
    Pending,
    /// A scheduler runs it.
    Running,
    /// An operator has paused it.
    Paused,
    /// An operator has ended it.
    Aborted,
    /// It has ended.
    Done,
}

impl JobState {
    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Aborted => "aborted",
            Self::Done => "done",
        }
    }

    /// Whether it never changes again.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Aborted | Self::Done)
    }

    /// The check of the table allows no other name.
    fn of(name: &str) -> Self {
        let all = [Self::Pending, Self::Running, Self::Paused, Self::Aborted];
        let mut all = all.into_iter();
        all.find(|state| state.as_str() == name)
            .unwrap_or(Self::Done)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRow {
    /// UUIDv7.
    pub id: Uuid,
    /// What it does.
    pub kind: JobKind,
    /// Which dead letters: the JSON of a `DeadLetterFilter`, perhaps of a newer version.
    pub filter: Value,
    /// How many there were at first, by reason and by channel.
    pub figures: Value,
    /// The rate.
    pub rate_per_second: i32,
    /// The state.
    pub state: JobState,
    /// How many dead letters match.
    pub total: i64,
    /// Whether there are more than `total`, because the process that runs the job has not counted all yet.
    pub total_is_capped: bool,
    /// How many were replayed or purged.
    pub done: i64,
    /// How many could not be published.
    pub failed: i64,
    /// How many were left as they are.
    pub skipped: i64,
    /// How many were skipped for each reason.
    pub skipped_reasons: Value,
    /// Who created it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When a scheduler first took it.
    pub started_at: Option<Timestamp>,
    /// When it was done or aborted.
    pub finished_at: Option<Timestamp>,
    /// Why it makes no progress.
    pub last_error: Option<String>,
}

pub(super) const COLUMNS: &str = "id, kind, filter, figures, rate_per_second, state, total, done, failed, skipped, \
                                  skipped_reasons, created_by, created_at, started_at, finished_at, last_error, total_is_capped";

impl From<&Row> for JobRow {
    /// Converts a row of `COLUMNS`.
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            kind: JobKind::of(row.get(1)),
            filter: row.get(2),
            figures: row.get(3),
            rate_per_second: row.get(4),
            state: JobState::of(row.get(5)),
            total: row.get(6),
            done: row.get(7),
            failed: row.get(8),
            skipped: row.get(9),
            skipped_reasons: row.get(10),
            created_by: row.get(11),
            created_at: row.get(12),
            started_at: row.get(13),
            finished_at: row.get(14),
            last_error: row.get(15),
            total_is_capped: row.get(16),
        }
    }
}

/// A job that this process runs, until its lease is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenJob {
    /// The job.
    pub id: Uuid,
    /// What it does.
    pub kind: JobKind,
    /// Names this process.
    pub token: Uuid,
}
