//! Lists and counts of an inbox with very many notifications.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use http_body_util::BodyExt;
use hyper::StatusCode;
use serde_json::Value;
use tidings_db::{Database, inbox};
use tidings_domain::notification::UserId;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::InboxPlan;
use super::results::ReadingResults;
use crate::environment::Environment;
use crate::latency::Latencies;
use crate::load::{ApiEndpoint, HttpConnection};
use crate::programs::RunningProgram;
use crate::progress::bar;
use crate::test_users::TestUsers;

/// Rows of a statement that inserts them.
const CHUNK: u32 = 20_000;

/// Clients that read at the same time.
const CLIENTS: u32 = 4;

/// A client reads so many pages of a list one after the other, and then the first one again.
const PAGES: u32 = 10;

/// What is read.
const READS: [(&str, &str); 6] = [
    ("unread", "/api/inbox?state=unread"),
    ("read", "/api/inbox?state=read"),
    ("archived", "/api/inbox?state=archived"),
    ("all", "/api/inbox?state=all"),
    ("counts, cap 100", "/api/inbox/counts?cap=100"),
    ("counts, cap 1000", "/api/inbox/counts?cap=1000"),
];

/// Measures the API.
pub async fn measure(
    environment: &Environment,
    api: &RunningProgram,
    plan: &InboxPlan,
) -> anyhow::Result<ReadingResults> {
    let database = &environment.scratch.database;
    let users = TestUsers::create_many(database, 1).await?;
    let user = *users.ids().first().context("no user")?;
    fill(database, user, plan.rows).await?;
    let target = ApiEndpoint::new(api.address, "/api/inbox", &plan.system.programs.token)?;
    let mut reads_ms = BTreeMap::new();
    for (name, path) in READS {
        let path = format!("{path}&userId={user}");
        // The statements are prepared, and the pages of the table are in memory, as they are while an inbox is used.
        read(&target, &path, PAGES).await?;
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let (target, path, count) = (target.clone(), path.clone(), plan.reads / CLIENTS);
            clients.spawn(async move { read(&target, &path, count.max(1)).await });
        }
        let mut latencies = Latencies::default();
        while let Some(done) = clients.join_next().await {
            latencies.add(done?.context(name)?);
        }
        reads_ms.extend(latencies.summary().map(|ms| (name.to_owned(), ms)));
    }
    Ok(ReadingResults {
        rows: plan.rows,
        clients: CLIENTS,
        reads_ms,
    })
}

async fn fill(database: &Database, user: UserId, rows: u32) -> anyhow::Result<()> {
    let progress = bar(rows.into(), "filling an inbox");
    for before in (0..rows).step_by(CHUNK as usize) {
        let last = before.saturating_add(CHUNK).min(rows);
        database
            .run(async |client| {
                inbox::bench::insert_notifications(client, user, before + 1, last).await
            })
            .await?;
        progress.set_position(last.into());
    }
    progress.finish_and_clear();
    let client = database.dedicated_client().await?;
    Ok(inbox::bench::vacuum(&*client).await?)
}

/// Reads `count` times, page by page if there are pages.
async fn read(target: &ApiEndpoint, path: &str, count: u32) -> anyhow::Result<Latencies> {
    let mut connection = HttpConnection::open(target).await?;
    let (mut latencies, mut cursor) = (Latencies::default(), None::<String>);
    for nth in 0..count {
        let path = match cursor.filter(|_| nth % PAGES > 0) {
            Some(cursor) => format!("{path}&cursor={cursor}"),
            None => path.to_owned(),
        };
        let began = Instant::now();
        let response = connection.get(&path).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        latencies.record(began.elapsed());
        ensure!(status == StatusCode::OK, "the API answered {status}");
        let body: Value = serde_json::from_slice(&body)?;
        ensure!(
            body["items"]
                .as_array()
                .is_none_or(|items| !items.is_empty()),
            "a page is empty"
        );
        cursor = body["nextCursor"].as_str().map(ToOwned::to_owned);
    }
    Ok(latencies)
}
