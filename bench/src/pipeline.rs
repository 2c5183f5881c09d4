//! Measures a load through an installation, from POST to the row.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;
use tidings_db::Database;

use crate::latency::Summary;
use crate::load::{ApiEndpoint, LoadPlan, PostedLoad, RequestBodies};
use crate::process_usage::{ProcessUsage, UsageMonitor, WatchedProcess};
use crate::progress::bar;
use crate::recorded_rows::{self, RecordedRows};
use crate::statistics::per_second;
use crate::test_users::TestUsers;

/// An installation to measure.
#[derive(Clone)]
pub struct MeasuredInstallation {
    /// The address of the API.
    pub api: SocketAddr,
    /// A token without a scope.
    pub token: String,
    /// The database.
    pub database: Database,
    /// The processes whose CPU and memory to measure.
    pub processes: Vec<WatchedProcess>,
}

/// The results. Rates are notifications per second.
#[derive(Clone, Debug, Serialize)]
pub struct PipelineReport {
    /// Posted notifications.
    pub count: u64,
    /// Connections.
    pub connections: usize,
    /// Notifications per request.
    pub batch: u64,
    /// Bytes of each payload.
    pub payload_bytes: usize,
    /// The requested rate; `None` if the load was posted as fast as possible.
    pub rate: Option<f64>,
    /// Accepted notifications.
    pub accepted: u64,
    /// Notifications with any other response.
    pub refused: u64,
    /// Notifications without a response.
    pub unanswered: u64,
    /// Rate from the first POST to the last response.
    pub accepted_per_second: f64,
    /// Rows in the table.
    pub recorded: u64,
    /// Rate from the first POST to the last row.
    pub recorded_per_second: f64,
    /// Accepted notifications without a row.
    pub lost: u64,
    /// Rows beyond the first for the same notification.
    pub doubled: u64,
    /// Latency from POST to the response, in milliseconds.
    pub accepted_ms: Option<Summary>,
    /// Latency from POST to `processed_at`, in milliseconds.
    pub processed_ms: Option<Summary>,
    /// CPU and memory of each process, by name.
    pub processes: BTreeMap<String, UsagePerThousand>,
}

/// CPU and memory of a process.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct UsagePerThousand {
    /// Seconds of CPU per 1,000 notifications.
    pub cpu_seconds_per_1000: f64,
    /// Peak memory.
    pub peak_mib: f64,
}

impl UsagePerThousand {
    /// The usage of each process for `count` notifications.
    #[expect(clippy::cast_precision_loss, reason = "rates to print")]
    pub fn of(used: BTreeMap<String, ProcessUsage>, count: u64) -> BTreeMap<String, Self> {
        let thousands = count.max(1) as f64 / 1000.0;
        let used = used.into_iter().map(|(name, usage)| {
            let used = Self {
                cpu_seconds_per_1000: usage.cpu_seconds / thousands,
                peak_mib: usage.peak_mib,
            };
            (name, used)
        });
        used.collect()
    }
}

impl MeasuredInstallation {
    /// Posts a load for new users, waits for the rows, and deletes the users with their rows.
    ///
    /// # Errors
    ///
    /// Returns an error if the API, or PostgreSQL, is unavailable.
    pub async fn measure(
        &self,
        load: LoadPlan,
        payload_bytes: usize,
    ) -> anyhow::Result<PipelineReport> {
        let users = TestUsers::create(&self.database).await?;
        let report = self.measure_with(&users, load, payload_bytes).await?;
        users.delete(&self.database).await?;
        Ok(report)
    }

    /// Posts a load for `users`, who have no notifications yet, and waits for the rows.
    ///
    /// # Errors
    ///
    /// Returns an error if the API, or PostgreSQL, is unavailable.
    pub(crate) async fn measure_with(
        &self,
        users: &TestUsers,
        load: LoadPlan,
        payload_bytes: usize,
    ) -> anyhow::Result<PipelineReport> {
        let watch = UsageMonitor::start(&self.processes);
        let posted = self.post(load, payload_bytes, users).await?;
        let progress = bar(load.count, "waiting for the rows");
        let wanted = posted.accepted.len() as u64;
        recorded_rows::wait(&self.database, users, wanted, &progress).await?;
        progress.finish_and_clear();
        let used = watch.stop();
        let accepted = posted.accepted.iter();
        let began = accepted.map(|one| (one.id, one.began)).collect();
        let recorded = recorded_rows::compare(&self.database, users, &began).await?;
        Ok(PipelineReport::of(
            load,
            payload_bytes,
            posted,
            recorded,
            used,
        ))
    }

    /// Posts a load of in-app notifications for `users`.
    ///
    /// # Errors
    ///
    /// Returns an error if the API is unavailable.
    pub async fn post(
        &self,
        load: LoadPlan,
        payload_bytes: usize,
        users: &TestUsers,
    ) -> anyhow::Result<PostedLoad> {
        let bodies = RequestBodies::new(users.ids(), payload_bytes);
        self.post_bodies(load, bodies).await
    }

    /// Posts a load of these bodies.
    ///
    /// # Errors
    ///
    /// Returns an error if the API is unavailable.
    pub async fn post_bodies(
        &self,
        load: LoadPlan,
        bodies: RequestBodies,
    ) -> anyhow::Result<PostedLoad> {
        let path = if load.batch == 1 {
            "/api/notifications"
        } else {
            "/api/notifications/batch"
        };
        let target = ApiEndpoint::new(self.api, path, &self.token)?;
        let progress = bar(load.count, "posting");
        let posted = load.post(&target, bodies, &progress).await?;
        progress.finish_and_clear();
        Ok(posted)
    }
}

impl PipelineReport {
    #[expect(clippy::cast_precision_loss, reason = "rates to print")]
    fn of(
        load: LoadPlan,
        payload_bytes: usize,
        posted: PostedLoad,
        recorded: RecordedRows,
        used: BTreeMap<String, ProcessUsage>,
    ) -> Self {
        let accepted = posted.accepted.len() as u64;
        let recording = (recorded.last - posted.began).max(1) as f64 / 1e6;
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
            processes: UsagePerThousand::of(used, recorded.rows),
        }
    }
}
