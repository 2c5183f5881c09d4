//! Whether a job of replays keeps its rate.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use http_body_util::BodyExt;
use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::DashboardPlan;
use super::results::ReplayResults;
use crate::load::{ApiEndpoint, HttpConnection};
use crate::progress::bar;

/// Between two looks at the job.
const PAUSE: Duration = Duration::from_millis(500);

/// Replays the in-app dead letters.
pub(super) async fn measure(
    api: SocketAddr,
    plan: &DashboardPlan,
) -> anyhow::Result<ReplayResults> {
    let token = &plan.system.programs.token;
    let target = ApiEndpoint::new(api, "/api/dead-letters/replay", token)?;
    let mut connection = HttpConnection::open(&target).await?;
    let asked = json!({"filter": {"channel": "in-app"}, "ratePerSecond": plan.replay_rate});
    let (status, job) = connection.post(asked.to_string().into()).await?;
    ensure!(
        status == StatusCode::ACCEPTED,
        "the API answered {status}: {}",
        String::from_utf8_lossy(&job)
    );
    let mut job: Value = serde_json::from_slice(&job)?;
    let path = format!("/api/jobs/{}", job["id"].as_str().context("no id")?);
    let progress = bar(job["total"].as_u64().unwrap_or(0), "replaying");
    while job["state"] != "done" {
        ensure!(job["state"] != "aborted", "the job was aborted: {job}");
        tokio::time::sleep(PAUSE).await;
        let response = connection.get(&path).await?;
        job = serde_json::from_slice(&response.into_body().collect().await?.to_bytes())?;
        progress.set_position(job["done"].as_u64().unwrap_or(0));
    }
    progress.finish_and_clear();
    let time = |name: &str| {
        let text = job[name].as_str().context("no time")?;
        text.parse::<Timestamp>().context("not a time")
    };
    let number = |name: &str| job[name].as_u64().unwrap_or(0);
    Ok(ReplayResults {
        set: plan.replay_rate,
        replayed: number("done"),
        not_replayed: number("failed") + number("skipped"),
        seconds: (time("finishedAt")? - time("startedAt")?).total(jiff::Unit::Second)?,
    })
}
