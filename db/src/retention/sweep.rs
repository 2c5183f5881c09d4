//! A sweep, chunk by chunk.

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::RetentionSettings;
use super::chunk::{self, Found};
use super::turn::Turn;
use super::work::Work;
use crate::database::Database;
use crate::error::DbError;

/// The pause after a chunk that changed rows, for the other users of PostgreSQL and for its vacuum.
const PAUSE: Duration = Duration::from_millis(50);

/// What a sweep has done, or would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepResult {
    /// Payloads of sensitive notifications that were erased.
    pub sensitive_payloads: u64,
    /// Other payloads that were erased.
    pub payloads: u64,
    /// Rows that were deleted.
    pub rows_deleted: u64,
    /// Cancellations that were deleted.
    pub cancellations: u64,
    /// Digests that were deleted.
    pub digests: u64,
    /// Sessions of users that were deleted.
    pub sessions: u64,
    /// Codes that verify contacts that were deleted.
    pub contact_codes: u64,
    /// Tokens that set a new password that were deleted.
    pub password_resets: u64,
    /// Invitations that were deleted.
    pub invites: u64,
    /// Sessions of the dashboard that were deleted.
    pub dashboard_sessions: u64,
    /// Links to the dashboard that were deleted.
    pub dashboard_links: u64,
    /// Whether the sweep reached its end: it was not stopped, and no other process took its turn.
    pub is_complete: bool,
}

impl SweepResult {
    /// All payloads that were erased.
    #[must_use]
    pub const fn payloads_removed(&self) -> u64 {
        self.payloads + self.sensitive_payloads
    }

    /// All rows of accounts that were deleted.
    #[must_use]
    pub const fn account_rows(&self) -> u64 {
        self.sessions
            + self.contact_codes
            + self.password_resets
            + self.invites
            + self.dashboard_sessions
            + self.dashboard_links
    }

    const fn of(&mut self, work: Work) -> &mut u64 {
        match work {
            Work::SensitivePayloads => &mut self.sensitive_payloads,
            Work::Payloads => &mut self.payloads,
            Work::Rows => &mut self.rows_deleted,
            Work::Cancellations => &mut self.cancellations,
            Work::Digests => &mut self.digests,
            Work::Sessions => &mut self.sessions,
            Work::ContactCodes => &mut self.contact_codes,
            Work::PasswordResets => &mut self.password_resets,
            Work::Invites => &mut self.invites,
            Work::DashboardSessions => &mut self.dashboard_sessions,
            Work::DashboardLinks => &mut self.dashboard_links,
        }
    }
}

/// How far a sweep has come, after a chunk.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What it does.
    pub work: Work,
    /// The number of rows that it changed, or would change.
    pub changed: u64,
    /// When the last notification of the chunk was accepted, if the sweep looks at all notifications.
    pub accepted_at: Option<Timestamp>,
}

/// A sweep.
pub struct Sweep<'a> {
    /// The database.
    pub database: &'a Database,
    /// How long what is kept.
    pub settings: RetentionSettings,
    /// Looks at all old notifications. Otherwise it goes on where the last sweep ended.
    pub everything: bool,
    /// Only counts.
    pub dry_run: bool,
}

impl Sweep<'_> {
    /// Sweeps until nothing is due, `stop` is cancelled, or another process has taken the turn. Without a turn, nothing
    /// records how far the sweep has come.
    ///
    /// # Errors
    ///
    /// Returns the error of the query that fails. What the sweep has done until then is done.
    pub async fn run(
        &self,
        mut turn: Option<&mut Turn>,
        stop: &CancellationToken,
        mut on_progress: impl FnMut(Progress),
    ) -> Result<SweepResult, DbError> {
        let mut result = SweepResult::default();
        for work in Work::ALL {
            let counted = self
                .by_index(work, &mut turn, stop, &mut on_progress)
                .await?;
            let walked = self.walk(work, &mut turn, stop, &mut on_progress).await?;
            *result.of(work) = counted.unwrap_or(0) + walked.unwrap_or(0);
            if counted.is_none() || walked.is_none() {
                return Ok(result);
            }
        }
        result.is_complete = true;
        Ok(result)
    }

    /// Changes what the indexes find. Returns `None` if the sweep must end.
    async fn by_index(
        &self,
        work: Work,
        turn: &mut Option<&mut Turn>,
        stop: &CancellationToken,
        on_progress: &mut impl FnMut(Progress),
    ) -> Result<Option<u64>, DbError> {
        let is_walked = work.walked(&self.settings, true).is_some();
        if is_walked && self.everything {
            // The walk finds these too.
            return Ok(Some(0));
        }
        if self.dry_run {
            let settings = &self.settings;
            let count = self
                .database
                .run(async |client| chunk::count(client, work, settings).await);
            return Ok(Some(count.await?));
        }
        let mut total = 0;
        loop {
            let settings = &self.settings;
            let found = self
                .database
                .run(async |client| chunk::find(client, work, settings).await)
                .await?;
            let changed = self.change(work, &found).await?;
            total += changed;
            on_progress(Progress {
                work,
                changed,
                accepted_at: None,
            });
            // If none of a full chunk changed, other transactions have locked all of them: the next sweep tries again.
            let goes_on = found.is_full && changed > 0;
            if !self.has_turn(turn, stop).await? {
                return Ok(None);
            }
            if !goes_on {
                return Ok(Some(total));
            }
            pause(stop).await;
        }
    }

    /// Looks at old notifications in the order of their acceptance. Returns `None` if the sweep must end.
    async fn walk(
        &self,
        work: Work,
        turn: &mut Option<&mut Turn>,
        stop: &CancellationToken,
        on_progress: &mut impl FnMut(Progress),
    ) -> Result<Option<u64>, DbError> {
        let mut after = match (turn.as_deref(), work) {
            _ if self.everything => None,
            (Some(turn), Work::Payloads) => turn.payloads_through,
            (Some(turn), Work::Rows) => turn.rows_through,
            _ => None,
        };
        let (mut total, mut is_settled) = (0, true);
        loop {
            let (settings, everything) = (&self.settings, self.everything);
            let found = self
                .database
                .run(async |client| chunk::walk(client, work, settings, everything, after).await)
                .await?;
            let changed = if self.dry_run {
                count(found.due.len())
            } else {
                self.change(work, &found).await?
            };
            total += changed;
            on_progress(Progress {
                work,
                changed,
                accepted_at: found.accepted_at,
            });
            // A later sweep must look again at rows that were locked.
            is_settled &= changed == count(found.due.len());
            if let (Some(turn), true, Some(id)) =
                (turn.as_deref_mut(), is_settled, found.settled_through)
            {
                match work {
                    Work::Payloads => turn.payloads_through = Some(id),
                    Work::Rows => turn.rows_through = Some(id),
                    // No walk finds any.
                    _ => {}
                }
            }
            is_settled &= found.settled_through == found.last;
            after = found.last.or(after);
            if !self.has_turn(turn, stop).await? {
                return Ok(None);
            }
            if !found.is_full {
                return Ok(Some(total));
            }
            if changed > 0 && !self.dry_run {
                pause(stop).await;
            }
        }
    }

    async fn change(&self, work: Work, found: &Found) -> Result<u64, DbError> {
        let settings = &self.settings;
        self.database
            .run(async |client| chunk::change(client, work, settings, &found.due).await)
            .await
    }

    /// Whether the sweep may go on.
    async fn has_turn(
        &self,
        turn: &mut Option<&mut Turn>,
        stop: &CancellationToken,
    ) -> Result<bool, DbError> {
        if stop.is_cancelled() {
            return Ok(false);
        }
        let Some(turn) = turn.as_deref() else {
            return Ok(true);
        };
        self.database
            .run(async |client| turn.advance(client).await)
            .await
    }
}

async fn pause(stop: &CancellationToken) {
    stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
