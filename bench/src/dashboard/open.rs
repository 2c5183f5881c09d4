//! What open dashboards take from the pipeline.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;
use http_body_util::BodyExt;
use hyper::StatusCode;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::DashboardPlan;
use super::results::PipelineComparison;
use crate::environment::Environment;
use crate::load::{ApiEndpoint, HttpConnection, LoadPlan};
use crate::pipeline::MeasuredInstallation;
use crate::programs::RunningProgram;
use crate::test_users::TestUsers;

/// What the overview loads, and how often, in seconds.
const POLLED: [(&str, u64); 6] = [
    ("/api/overview", 5),
    ("/api/sending", 5),
    (
        "/api/stats?from=-1h&step=1m&by=channel&measure=delivered",
        10,
    ),
    ("/api/stats?from=-1h&step=1m&by=outcome", 10),
    ("/api/stats?from=-1h&step=1m&by=queue", 10),
    ("/api/stats?from=-1h&by=channel&measure=delivered", 30),
];

/// Posts the same load in turn, with and without open dashboards.
pub(super) async fn measure(
    environment: &Environment,
    api: &RunningProgram,
    plan: &DashboardPlan,
) -> anyhow::Result<PipelineComparison> {
    let token = &plan.system.programs.token;
    let installation = environment.installation(api, token, Vec::new());
    let mut compared = PipelineComparison::default();
    for nth in 0..plan.rounds {
        // The order changes from round to round.
        for side in [nth % 2, (nth + 1) % 2] {
            if side == 0 {
                compared.without.push(rate(&installation, plan).await?);
            } else {
                let dashboards = Dashboards::open(api.address, plan)?;
                let measured = rate(&installation, plan).await;
                compared.polled += dashboards.close().await?;
                compared.with.push(measured?);
            }
        }
    }
    Ok(compared)
}

/// The rate of recording, from the first POST to the last row.
async fn rate(installation: &MeasuredInstallation, plan: &DashboardPlan) -> anyhow::Result<f64> {
    let load = LoadPlan {
        count: plan.count,
        connections: plan.system.connections,
        batch: 1,
        rate: None,
    };
    let users = TestUsers::create(&installation.database).await?;
    let report = installation
        .measure_with(&users, load, plan.system.payload_bytes)
        .await?;
    ensure!(
        report.recorded == plan.count && report.lost == 0 && report.doubled == 0,
        "{} were posted, but there are {} rows",
        plan.count,
        report.recorded
    );
    Ok(report.recorded_per_second)
}

/// Dashboards that show the overview.
struct Dashboards {
    polls: JoinSet<anyhow::Result<u64>>,
    closed: CancellationToken,
}

impl Dashboards {
    fn open(api: SocketAddr, plan: &DashboardPlan) -> anyhow::Result<Self> {
        let (mut polls, closed) = (JoinSet::new(), CancellationToken::new());
        for nth in 0..plan.dashboards {
            for (path, seconds) in POLLED {
                let target = ApiEndpoint::new(api, path, &plan.system.programs.token)?;
                let closed = closed.clone();
                // People open them at different times.
                let interval = Duration::from_secs(seconds);
                let first = Instant::now() + interval * nth / plan.dashboards;
                polls.spawn(async move { poll(target, path, interval, first, closed).await });
            }
        }
        Ok(Self { polls, closed })
    }

    /// Returns how many requests were made.
    async fn close(mut self) -> anyhow::Result<u64> {
        self.closed.cancel();
        let mut made = 0;
        while let Some(done) = self.polls.join_next().await {
            made += done??;
        }
        Ok(made)
    }
}

/// Makes a request at `due`, and then again and again. Returns how often.
async fn poll(
    target: ApiEndpoint,
    path: &str,
    interval: Duration,
    mut due: Instant,
    closed: CancellationToken,
) -> anyhow::Result<u64> {
    let mut connection = HttpConnection::open(&target).await?;
    let mut made = 0;
    loop {
        tokio::select! {
            () = sleep_until(due) => {}
            () = closed.cancelled() => return Ok(made),
        }
        let response = connection.get(path).await?;
        let status = response.status();
        ensure!(status == StatusCode::OK, "{path} answered {status}");
        response.into_body().collect().await?;
        made += 1;
        due += interval;
    }
}
