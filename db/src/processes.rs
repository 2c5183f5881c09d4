//! The table `processes`: which processes run, and how each sees the providers of its channels.

use std::time::Duration;

use tidings_domain::overview::{ChannelReport, RunningProcess};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_postgres::types::Json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::GenericClient;
use crate::database::Database;
use crate::error::DbError;

/// The time between two reports of a process.
pub const INTERVAL: Duration = Duration::from_secs(5);

/// How long a process may take to remove its row at its end.
const LAST_TIME_LIMIT: Duration = Duration::from_secs(2);

/// A program, as it reports itself.
#[derive(Clone, Debug)]
pub struct ThisProcess {
    /// Drawn at the start.
    pub id: Uuid,
    /// `api` or `worker`.
    pub program: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What a worker serves.
    pub stages: Vec<&'static str>,
}

impl ThisProcess {
    /// Reports every [`INTERVAL`] until `stop` is cancelled, and then removes the row.
    pub async fn report_until(
        self,
        database: Database,
        stop: CancellationToken,
        channels: impl Fn() -> Vec<ChannelReport> + Send,
    ) {
        let mut tick = interval(INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reported = None;
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            let channels = channels();
            let last = reported.take();
            let last = last.as_deref();
            let reporting =
                database.run(async |client| report_changes(client, &self, last, &channels).await);
            match stop.run_until_cancelled(reporting).await {
                Some(Ok(())) => reported = Some(channels),
                // While PostgreSQL is away, other parts of the program log it.
                Some(Err(error)) => {
                    tracing::debug!(%error, "this process cannot report itself");
                }
                None => {}
            }
        }
        let removing = database.run(async |client| remove(client, self.id).await);
        if !matches!(timeout(LAST_TIME_LIMIT, removing).await, Ok(Ok(()))) {
            tracing::debug!("the row of this process stays until others remove it");
        }
    }
}

/// Reports like [`report`]. If nothing has changed since the `last` report that was recorded, records only that the process runs: the
/// names of the destinations that are down can be many.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn report_changes(
    client: &impl GenericClient,
    process: &ThisProcess,
    last: Option<&[ChannelReport]>,
    channels: &[ChannelReport],
) -> Result<(), DbError> {
    // Other processes may have removed the row.
    if last == Some(channels) && touch(client, process.id).await? {
        return Ok(());
    }
    report(client, process, channels).await
}

/// Records that a process runs. Returns whether its row exists.
async fn touch(client: &impl GenericClient, id: Uuid) -> Result<bool, DbError> {
    let sql = format!("{REMOVE_GONE} UPDATE processes SET seen_at = now() WHERE id = $1");
    let statement = client.prepare_cached(&sql).await?;
    Ok(client.execute(&statement, &[&id]).await? == 1)
}

/// Removes processes that have not reported for a day.
const REMOVE_GONE: &str = "
    WITH gone AS (
        DELETE FROM processes
        WHERE id IN (SELECT id FROM processes WHERE seen_at < now() - interval '1 day' FOR UPDATE SKIP LOCKED)
    )";

/// Records that a process runs, and how it sees its channels. Removes processes that have not reported for a day.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn report(
    client: &impl GenericClient,
    process: &ThisProcess,
    channels: &[ChannelReport],
) -> Result<(), DbError> {
    let sql = format!(
        "{REMOVE_GONE}
         INSERT INTO processes (id, program, version, stages, channels) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO UPDATE SET channels = excluded.channels, seen_at = now()"
    );
    let statement = client.prepare_cached(&sql).await?;
    let ThisProcess {
        id,
        program,
        version,
        stages,
    } = process;
    client
        .execute(&statement, &[id, program, version, stages, &Json(channels)])
        .await?;
    Ok(())
}

/// Removes a process.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn remove(client: &impl GenericClient, id: Uuid) -> Result<(), DbError> {
    let statement = client
        .prepare_cached("DELETE FROM processes WHERE id = $1")
        .await?;
    client.execute(&statement, &[&id]).await?;
    Ok(())
}

/// The processes that have reported within 20 s, at most 1000, in the order of their programs and starts.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn running(client: &impl GenericClient) -> Result<Vec<RunningProcess>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT program, version, stages, channels, started_at, seen_at FROM processes
             WHERE seen_at BETWEEN now() - interval '20 seconds' AND now() + interval '5 seconds'
             ORDER BY program, started_at, id LIMIT 1000",
        )
        .await?;
    let rows = client.query(&statement, &[]).await?;
    let processes = rows.iter().map(|row| RunningProcess {
        program: row.get(0),
        version: row.get(1),
        stages: row.get(2),
        // A newer version may report something else.
        channels: row
            .try_get::<_, Json<Vec<ChannelReport>>>(3)
            .map(|Json(channels)| channels)
            .unwrap_or_default(),
        started_at: row.get(4),
        seen_at: row.get(5),
    });
    Ok(processes.collect())
}
