//! A load through an installation, from the POSTs to the rows.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;
use tidings_db::Database;

use crate::figure::per_second;
use crate::latency::Summary;
use crate::load::{Bodies, Load, Posted, Target};
use crate::people::People;
use crate::progress::bar;
use crate::rows::{self, Recorded};
use crate::usage::{Usage, Watch, Watched};

/// An installation, as it is seen from outside.
#[derive(Clone)]
pub struct Installation {
    /// Where its API listens.
    pub api: SocketAddr,
    /// A token that may send to anyone.
    pub token: String,
    /// Its database.
    pub database: Database,
    /// Its processes, where they are known.
    pub processes: Vec<Watched>,
}

/// What was measured. Rates are notifications a second, times milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Notifications that were posted.
    pub count: u64,
    /// Connections.
    pub connections: usize,
    /// Notifications a request.
    pub batch: u64,
    /// Bytes of each payload.
    pub payload_bytes: usize,
    /// Notifications a second that were asked for; none where it went as fast as it could.
    pub rate: Option<f64>,
    /// Answered with 202.
    pub accepted: u64,
    /// Answered with anything else.
    pub refused: u64,
    /// Not answered.
    pub unanswered: u64,
    /// From the first POST to the last answer.
    pub accepted_per_second: f64,
    /// Rows.
    pub recorded: u64,
    /// From the first POST to the last row.
    pub recorded_per_second: f64,
    /// Accepted without a row.
    pub lost: u64,
    /// Rows beyond the first of one notification.
    pub doubled: u64,
    /// From POST to answer.
    pub accepted_ms: Option<Summary>,
    /// From POST to `processed_at`.
    pub processed_ms: Option<Summary>,
    /// What each process used.
    pub processes: BTreeMap<String, Used>,
}

/// What a process used.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Used {
    /// Seconds of CPU for 1,000 notifications.
    pub cpu_seconds_per_1000: f64,
    /// Highest memory.
    pub peak_mib: f64,
}

impl Installation {
    /// Posts a load for users of its own, waits for its rows, and deletes all that afterwards.
    ///
    /// # Errors
    ///
    /// Where the installation does not answer.
    pub async fn measure(&self, load: Load, payload_bytes: usize) -> anyhow::Result<Report> {
        let people = People::make(&self.database).await?;
        let report = self.measure_with(&people, load, payload_bytes).await?;
        people.delete(&self.database).await?;
        Ok(report)
    }

    /// Posts a load for `people`, who have nothing yet, and waits for its rows.
    ///
    /// # Errors
    ///
    /// Where the installation does not answer.
    pub(crate) async fn measure_with(
        &self,
        people: &People,
        load: Load,
        payload_bytes: usize,
    ) -> anyhow::Result<Report> {
        let watch = Watch::begin(&self.processes);
        let posted = self.post(load, payload_bytes, people).await?;
        let progress = bar(load.count, "waiting for the rows");
        let wanted = posted.accepted.len() as u64;
        rows::wait(&self.database, people, wanted, &progress).await?;
        progress.finish_and_clear();
        let used = watch.end();
        let accepted = posted.accepted.iter();
        let began = accepted.map(|one| (one.id, one.began)).collect();
        let recorded = rows::compare(&self.database, people, &began).await?;
        Ok(Report::of(load, payload_bytes, posted, recorded, used))
    }

    /// Posts a load for `people`.
    ///
    /// # Errors
    ///
    /// Where the API does not answer.
    pub async fn post(
        &self,
        load: Load,
        payload_bytes: usize,
        people: &People,
    ) -> anyhow::Result<Posted> {
        let path = if load.batch == 1 {
            "/api/notifications"
        } else {
            "/api/notifications/batch"
        };
        let target = Target::new(self.api, path, &self.token)?;
        let progress = bar(load.count, "posting");
        let bodies = Bodies::new(people.ids(), payload_bytes);
        let posted = load.post(&target, bodies, &progress).await?;
        progress.finish_and_clear();
        Ok(posted)
    }
}

impl Report {
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn of(
        load: Load,
        payload_bytes: usize,
        posted: Posted,
        recorded: Recorded,
        used: BTreeMap<String, Usage>,
    ) -> Self {
        let accepted = posted.accepted.len() as u64;
        let recording = (recorded.last - posted.began).max(1) as f64 / 1e6;
        let thousands = recorded.rows.max(1) as f64 / 1000.0;
        let used = used.into_iter().map(|(name, usage)| {
            let used = Used {
                cpu_seconds_per_1000: usage.cpu_seconds / thousands,
                peak_mib: usage.peak_mib,
            };
            (name, used)
        });
        Self {
            count: load.count,
            connections: load.connections,
            batch: load.batch,
            payload_bytes,
            rate: load.rate,
            accepted,
            refused: posted.refused,
            unanswered: posted.unanswered,
            accepted_per_second: per_second(accepted, posted.took),
            recorded: recorded.rows,
            recorded_per_second: recorded.rows as f64 / recording,
            lost: recorded.lost,
            doubled: recorded.doubled,
            accepted_ms: posted.latencies.summary(),
            processed_ms: recorded.latencies.summary(),
            processes: used.collect(),
        }
    }
}
