use std::str::FromStr;
use std::time::Duration;

use tidings_domain::notification::{ScheduleId, UserId};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::ScheduleRow;
use super::row::COLUMNS;
use crate::GenericClient;
use crate::error::DbError;
use crate::notifications::{IdCursor, SenderScope};
use crate::page::read_page;

/// Selects a schedule by its id and scope.
pub(super) const IN_SCOPE: &str =
    "id = $1 AND ($2::text IS NULL OR sender = $2) AND ($3::uuid IS NULL OR target_user_id = $3)";

/// Finds the schedule `id` in `scope`; `None` if there is none.
///
/// The scope is a condition of the query: a caller must not learn from the time of the response whether another caller's
/// schedule exists.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find(
    client: &impl GenericClient,
    id: ScheduleId,
    scope: &SenderScope,
) -> Result<Option<ScheduleRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM schedules WHERE {IN_SCOPE}");
    let statement = client.prepare_cached(&sql).await?;
    let user = scope.user.map(UserId::as_uuid);
    let row = client
        .query_opt(&statement, &[&id.as_uuid(), &scope.sender, &user])
        .await?;
    Ok(row.as_ref().map(ScheduleRow::from))
}

/// Selects the schedules of a page.
#[derive(Clone, Debug, Default)]
pub struct ScheduleFilter {
    /// Only schedules in this scope.
    pub scope: SenderScope,
    /// Only schedules in this state.
    pub state: Option<ScheduleState>,
}

/// The state of a schedule, as a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleState {
    /// It is not paused.
    Active,
    /// Its owner has paused it.
    Paused,
    /// A failure has paused it.
    Failed,
}

impl ScheduleState {
    const fn condition(self) -> &'static str {
        match self {
            Self::Active => " AND NOT paused",
            Self::Paused => " AND paused AND reason IS NULL",
            Self::Failed => " AND reason IS NOT NULL",
        }
    }
}

impl FromStr for ScheduleState {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "active" => Ok(Self::Active),
            "paused" => Ok(Self::Paused),
            "failed" => Ok(Self::Failed),
            _ => Err("must be active, paused or failed"),
        }
    }
}

/// Returns a page of schedules, the newest first, and the cursor of the next page if there is one.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(
    client: &impl GenericClient,
    filter: &ScheduleFilter,
    after: Option<IdCursor>,
    limit: u32,
) -> Result<(Vec<ScheduleRow>, Option<IdCursor>), DbError> {
    // Several statements, so that each plan reads one index in order.
    let sender = if filter.scope.sender.is_some() {
        "sender = $1"
    } else {
        "$1::text IS NULL"
    };
    let state = filter.state.map_or("", ScheduleState::condition);
    let sql = format!(
        "SELECT {COLUMNS} FROM schedules
         WHERE {sender} AND ($2::uuid IS NULL OR target_user_id = $2) AND id < $3{state}
         ORDER BY id DESC LIMIT $4"
    );
    let statement = client.prepare_cached(&sql).await?;
    let user = filter.scope.user.map(UserId::as_uuid);
    let query = async |after: Option<&IdCursor>, rows: i64| {
        // Every UUIDv7 is smaller.
        let after = after.map_or(Uuid::max(), |IdCursor(id)| *id);
        let parameters: [&(dyn ToSql + Sync); 4] = [&filter.scope.sender, &user, &after, &rows];
        Ok(client.query_raw(&statement, parameters).await?)
    };
    let cursor_of = |row: &ScheduleRow| IdCursor(row.id.as_uuid());
    read_page(limit, after, query, cursor_of).await
}

/// The schedules that failures have paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedSchedules {
    /// How many there are.
    pub count: u64,
    /// The newest of them, with their reasons.
    pub newest: Vec<(ScheduleId, String)>,
}

/// Counts the schedules that failures have paused, and returns the newest, at most `limit`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn failed(client: &impl GenericClient, limit: u32) -> Result<FailedSchedules, DbError> {
    let statement = client
        .prepare_cached("SELECT count(*) FROM schedules WHERE reason IS NOT NULL")
        .await?;
    let count: i64 = client.query_one(&statement, &[]).await?.get(0);
    let statement = client
        .prepare_cached(
            "SELECT id, reason FROM schedules WHERE reason IS NOT NULL ORDER BY id DESC LIMIT $1",
        )
        .await?;
    let rows = client.query(&statement, &[&i64::from(limit)]).await?;
    let newest = rows
        .iter()
        .map(|row| (row.get::<_, Uuid>(0).into(), row.get(1)));
    Ok(FailedSchedules {
        count: u64::try_from(count).unwrap_or(0),
        newest: newest.collect(),
    })
}

/// How late the oldest due schedule is; `None` if no schedule is due.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn overdue(client: &impl GenericClient) -> Result<Option<Duration>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT extract(epoch FROM now() - min(next_at))::float8 FROM schedules
             WHERE NOT paused AND next_at <= now()",
        )
        .await?;
    let late: Option<f64> = client.query_one(&statement, &[]).await?.get(0);
    Ok(late.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
}
