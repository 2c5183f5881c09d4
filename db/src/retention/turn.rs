//! Whose turn it is to sweep: one process at a time, by a lease in the only row of the table `retention`.

use std::time::Duration;

use uuid::Uuid;

use super::SweepResult;
use crate::GenericClient;
use crate::error::DbError;

/// How long a process may take for one chunk. Then another one may take its turn.
pub const LEASE: Duration = Duration::from_mins(5);

/// The turn of this process.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    token: Uuid,
    /// Where the walks of this sweep begin.
    pub(super) payloads_through: Option<Uuid>,
    pub(super) rows_through: Option<Uuid>,
    /// Whether the dead letters must be counted in the log: nobody has done so within an hour.
    pub report_is_due: bool,
}

/// Takes the turn, if no other process has it and no sweep has ended within `interval`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn take_turn(
    client: &impl GenericClient,
    interval: Duration,
) -> Result<Option<Turn>, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE retention
             SET lease_token = $1, lease_until = now() + make_interval(secs => $2), started_at = now()
             -- What ends or has ended later than it can is from before the clock was set back.
             WHERE (lease_until IS NULL OR lease_until <= now() OR lease_until > now() + make_interval(secs => $2))
                   AND (ended_at IS NULL OR ended_at <= now() - make_interval(secs => $3) OR ended_at > now())
             RETURNING payloads_through, rows_through,
                       coalesce(reported_at NOT BETWEEN now() - interval '1 hour' AND now(), true)",
        )
        .await?;
    let token = Uuid::new_v4();
    let row = client
        .query_opt(
            &statement,
            &[&token, &LEASE.as_secs_f64(), &interval.as_secs_f64()],
        )
        .await?;
    Ok(row.map(|row| Turn {
        token,
        payloads_through: row.get(0),
        rows_through: row.get(1),
        report_is_due: row.get(2),
    }))
}

impl Turn {
    /// Records how far this sweep has come, and extends the lease. Returns `false` if another process has the turn.
    pub(super) async fn advance(&self, client: &impl GenericClient) -> Result<bool, DbError> {
        let statement = client
            .prepare_cached(
                "UPDATE retention
                 SET lease_until = now() + make_interval(secs => $2), payloads_through = $3, rows_through = $4
                 WHERE lease_token = $1",
            )
            .await?;
        let changed = client
            .execute(
                &statement,
                &[
                    &self.token,
                    &LEASE.as_secs_f64(),
                    &self.payloads_through,
                    &self.rows_through,
                ],
            )
            .await?;
        Ok(changed == 1)
    }

    /// Ends the turn after a complete sweep.
    ///
    /// # Errors
    ///
    /// Returns the error of the query.
    pub async fn end(
        self,
        client: &impl GenericClient,
        result: &SweepResult,
        dead_letters_removed: u64,
        reported: bool,
    ) -> Result<(), DbError> {
        let statement = client
            .prepare_cached(
                "UPDATE retention
                 SET lease_token = NULL, lease_until = NULL, ended_at = now(),
                     payloads_removed = $2, rows_deleted = $3, dead_letters_removed = $4,
                     reported_at = CASE WHEN $5 THEN now() ELSE reported_at END
                 WHERE lease_token = $1",
            )
            .await?;
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        client
            .execute(
                &statement,
                &[
                    &self.token,
                    &number(result.payloads_removed()),
                    &number(result.rows_deleted),
                    &number(dead_letters_removed),
                    &reported,
                ],
            )
            .await?;
        Ok(())
    }

    /// Gives the turn back after a sweep that was not complete, so that another process can go on.
    ///
    /// # Errors
    ///
    /// Returns the error of the query.
    pub async fn give_back(self, client: &impl GenericClient) -> Result<(), DbError> {
        let statement = client
            .prepare_cached(
                "UPDATE retention SET lease_token = NULL, lease_until = NULL WHERE lease_token = $1",
            )
            .await?;
        client.execute(&statement, &[&self.token]).await?;
        Ok(())
    }
}
