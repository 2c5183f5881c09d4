//! How long the requests of the dashboard's pages take.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::DashboardPlan;
use crate::latency::{Latencies, Summary};
use crate::load::{ApiEndpoint, HttpConnection};
use crate::progress::bar;

/// A client reads so many pages of a list one after the other, and then the first one again.
const PAGES: u32 = 5;

/// Requests before those that count: the statements are prepared, and what pages need is in memory.
const WARM_UP: u32 = 3;

/// What the pages load. `USER` and `FAILED` stand for a user and a dead letter, and `DAY_AGO` for a time.
const READS: &[(&str, &str)] = &[
    ("overview", "/api/overview"),
    ("channels", "/api/channels"),
    ("sending", "/api/sending"),
    ("queues", "/api/stats/queues"),
    ("outcomes, 1 h", "/api/stats?from=-1h&step=1m&by=outcome"),
    ("outcomes, 24 h", "/api/stats?from=-24h&step=1m&by=outcome"),
    ("outcomes, 7 d", "/api/stats?from=-7d&step=1h&by=outcome"),
    ("outcomes, 30 d", "/api/stats?from=-30d&step=1h&by=outcome"),
    (
        "delivered by channel, 24 h",
        "/api/stats?from=-24h&step=1m&by=channel&measure=delivered",
    ),
    (
        "delivered by channel, 30 d",
        "/api/stats?from=-30d&step=1h&by=channel&measure=delivered",
    ),
    (
        "depth by queue, 24 h",
        "/api/stats?from=-24h&step=1m&by=queue",
    ),
    (
        "dead letters by reason, 24 h",
        "/api/stats?from=-24h&step=1m&by=reason&measure=dead_lettered",
    ),
    ("notifications", "/api/notifications?"),
    ("notifications, failed", "/api/notifications?status=failed"),
    (
        "notifications, pending",
        "/api/notifications?status=pending",
    ),
    (
        "notifications, by channel",
        "/api/notifications?type=webhook",
    ),
    (
        "notifications, by user",
        "/api/notifications?targetUserId=USER",
    ),
    (
        "notifications, by reason",
        "/api/notifications?status=failed&reason=template_error",
    ),
    (
        "notifications, by host",
        "/api/notifications?host=hooks-500.example.com",
    ),
    (
        "notifications, unknown reference",
        "/api/notifications?reference=unknown",
    ),
    (
        "notifications, unknown template",
        "/api/notifications?template=unknown",
    ),
    ("notification", "/api/notifications/FAILED"),
    ("timeline", "/api/notifications/FAILED/timeline"),
    ("dead letters", "/api/dead-letters?limit=20"),
    (
        "dead letters, by reason",
        "/api/dead-letters?limit=20&reason=provider_failed",
    ),
    (
        "dead letters, by channel",
        "/api/dead-letters?limit=20&channel=email",
    ),
    (
        "dead letters, by both",
        "/api/dead-letters?limit=20&reason=provider_failed&channel=email",
    ),
    ("groups", "/api/dead-letters/groups?"),
    (
        "groups, by reason",
        "/api/dead-letters/groups?reason=provider_failed",
    ),
    (
        "groups, by channel",
        "/api/dead-letters/groups?channel=email",
    ),
    ("groups, of a day", "/api/dead-letters/groups?from=DAY_AGO"),
    ("jobs", "/api/jobs?"),
    ("users", "/api/users?"),
    ("users, by name", "/api/users?username=unknown"),
    ("user", "/api/users/USER"),
    ("contacts", "/api/users/USER/contacts"),
    ("preferences", "/api/users/USER/preferences"),
    ("settings", "/api/users/USER/settings"),
    ("inbox", "/api/inbox?userId=USER"),
    ("templates", "/api/templates?"),
    ("endpoints", "/api/webhook-endpoints?"),
    ("categories", "/api/categories"),
    ("schedules", "/api/schedules?"),
    ("keys", "/api/keys?"),
    ("audit", "/api/audit?"),
];

/// The filters of the dry runs of a replay.
fn dry_runs() -> [(&'static str, Value); 3] {
    let reason = "provider_failed";
    [
        ("dry run, all", json!({"all": true})),
        ("dry run, by reason", json!({"reason": reason})),
        (
            "dry run, by both",
            json!({"reason": reason, "channel": "email"}),
        ),
    ]
}

/// A request of the dashboard.
#[derive(Clone, Debug)]
enum DashboardRequest {
    /// Loads this path, page by page if there are pages.
    Get(String),
    /// A dry run with this body.
    DryRun(Bytes),
}

/// Measures each request, with as many clients at the same time as there are dashboards.
pub(super) async fn measure(
    api: SocketAddr,
    plan: &DashboardPlan,
) -> anyhow::Result<BTreeMap<String, Summary>> {
    let token = &plan.system.programs.token;
    let target = ApiEndpoint::new(api, "/api/dead-letters/replay", token)?;
    let (user, failed) = examples(&target).await?;
    let day_ago = (Timestamp::now() - SignedDuration::from_hours(24)).to_string();
    let reads = READS.iter().map(|(name, path)| {
        let path = path.replace("USER", &user).replace("FAILED", &failed);
        let path = path.replace("DAY_AGO", &day_ago);
        (*name, DashboardRequest::Get(path))
    });
    let dry_runs = dry_runs().map(|(name, filter)| {
        let body = json!({"filter": filter, "dryRun": true}).to_string();
        (name, DashboardRequest::DryRun(body.into()))
    });
    let all: Vec<_> = reads.chain(dry_runs).collect();
    let progress = bar(all.len() as u64, "requests");
    let mut requests_ms = BTreeMap::new();
    for (name, request) in all {
        let latencies = measure_one(&target, &request, plan).await.context(name)?;
        requests_ms.extend(latencies.summary().map(|ms| (name.to_owned(), ms)));
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(requests_ms)
}

/// A user with notifications, and a dead letter.
async fn examples(target: &ApiEndpoint) -> anyhow::Result<(String, String)> {
    let mut connection = HttpConnection::open(target).await?;
    let response = connection.get("/api/notifications?status=failed&limit=1");
    let body = response.await?.into_body().collect().await?.to_bytes();
    let body: Value = serde_json::from_slice(&body)?;
    let found = &body["notifications"][0];
    let text = |name: &str| Some(found[name].as_str()?.to_owned());
    let examples = text("targetUserId").zip(text("messageId"));
    examples.context("there is no failed notification")
}

async fn measure_one(
    target: &ApiEndpoint,
    request: &DashboardRequest,
    plan: &DashboardPlan,
) -> anyhow::Result<Latencies> {
    repeat(target, request, WARM_UP).await?;
    let count = plan.requests.div_ceil(plan.dashboards);
    let mut clients = JoinSet::new();
    for _ in 0..plan.dashboards {
        let (target, request) = (target.clone(), request.clone());
        clients.spawn(async move { repeat(&target, &request, count).await });
    }
    let mut latencies = Latencies::default();
    while let Some(done) = clients.join_next().await {
        latencies.add(done??);
    }
    Ok(latencies)
}

/// Makes a request `count` times, from the request to the last byte of the response.
async fn repeat(
    target: &ApiEndpoint,
    request: &DashboardRequest,
    count: u32,
) -> anyhow::Result<Latencies> {
    let mut connection = HttpConnection::open(target).await?;
    let (mut latencies, mut cursor) = (Latencies::default(), None::<String>);
    for nth in 0..count {
        let began = Instant::now();
        let (status, body) = match request {
            DashboardRequest::Get(path) => {
                let path = match cursor.filter(|_| nth % PAGES > 0) {
                    Some(cursor) => format!("{path}&cursor={cursor}"),
                    None => path.clone(),
                };
                let response = connection.get(&path).await?;
                let status = response.status();
                (status, response.into_body().collect().await?.to_bytes())
            }
            DashboardRequest::DryRun(body) => connection.post(body.clone()).await?,
        };
        latencies.record(began.elapsed());
        ensure!(
            status == StatusCode::OK,
            "the API answered {status}: {}",
            String::from_utf8_lossy(&body)
        );
        let body: Value = serde_json::from_slice(&body)?;
        cursor = body["nextCursor"].as_str().map(ToOwned::to_owned);
    }
    Ok(latencies)
}
