use std::str::FromStr;

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::row::COLUMNS;
use super::{JobRow, JobState};
use crate::GenericClient;
use crate::error::DbError;
use crate::notifications::IdCursor;
use crate::page::read_page;

/// Finds a job.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find(client: &impl GenericClient, id: Uuid) -> Result<Option<JobRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM replay_jobs WHERE id = $1");
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_opt(&statement, &[&id]).await?;
    Ok(row.as_ref().map(JobRow::from))
}

/// Jobs that need a process, or whose messages are not all confirmed.
pub(crate) const OPEN: &str = "(state IN ('pending', 'running') OR in_flight <> '{}')";

/// Since when an open job waits for a process.
pub(crate) const WAITS_SINCE: &str = "coalesce(lease_until, created_at)";

/// Which jobs are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobFilter {
    /// Those in this state.
    State(JobState),
    /// Those that no process has run for a minute although one should.
    WithoutProcess,
    /// Those that should run and could not go on when they last tried.
    Failing,
}

impl JobFilter {
    /// Every filter.
    pub const ALL: [Self; 7] = [
        Self::State(JobState::Pending),
        Self::State(JobState::Running),
        Self::State(JobState::Paused),
        Self::State(JobState::Aborted),
        Self::State(JobState::Done),
        Self::WithoutProcess,
        Self::Failing,
    ];

    /// The name in queries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::State(state) => state.as_str(),
            Self::WithoutProcess => "without_process",
            Self::Failing => "failing",
        }
    }

    fn condition(self) -> String {
        match self {
            Self::State(state) => format!("state = '{state}'"),
            Self::WithoutProcess => {
                format!("{OPEN} AND {WAITS_SINCE} < now() - interval '1 minute'")
            }
            Self::Failing => format!("{OPEN} AND last_error IS NOT NULL"),
        }
    }
}

impl FromStr for JobFilter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|filter| filter.as_str() == text)
            .ok_or("must be pending, running, paused, aborted, done, without_process or failing")
    }
}

/// Returns a page of jobs, the newest first and at most about 1 MB, because a filter may have 1000 ids, and the cursor of the next page if there is one.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(
    client: &impl GenericClient,
    filter: Option<JobFilter>,
    after: Option<IdCursor>,
    limit: u32,
) -> Result<(Vec<JobRow>, Option<IdCursor>), DbError> {
    let condition = filter.map_or("true".to_owned(), JobFilter::condition);
    let sql = format!(
        "SELECT {COLUMNS} FROM replay_jobs WHERE ($1::uuid IS NULL OR id < $1) AND {condition} ORDER BY id DESC LIMIT $2"
    );
    let statement = client.prepare_cached(&sql).await?;
    let query = async |after: Option<&IdCursor>, limit: i64| {
        let after = after.map(|cursor| cursor.0);
        let parameters: [&(dyn ToSql + Sync); 2] = [&after, &limit];
        Ok(client.query_raw(&statement, parameters).await?)
    };
    read_page(limit, after, query, |row: &JobRow| IdCursor(row.id)).await
}
