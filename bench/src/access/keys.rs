//! An API that starts with many API keys in the table.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::bail;
use hyper::StatusCode;
use tidings_db::api_keys;
use tokio::time::{Instant, sleep};

use super::AccessPlan;
use super::calls::create_key;
use super::results::KeyResults;
use crate::environment::Environment;
use crate::load::{ApiEndpoint, HttpConnection, RequestBodies, get};
use crate::process_usage::UsageMonitor;
use crate::test_users::TestUsers;

/// How long an API may take to have all keys in memory.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Measures an API without keys, and one with `plan.keys` of them.
pub async fn measure(environment: &Environment, plan: &AccessPlan) -> anyhow::Result<KeyResults> {
    let programs = &plan.system.programs;
    let database = &environment.scratch.database;
    let users = TestUsers::create(database).await?;
    let body = RequestBodies::new(users.ids(), plan.system.payload_bytes).single(0);
    let mut memory = Vec::new();
    let mut usable_after = Duration::ZERO;
    let mut key = None;
    for count in [0, plan.keys] {
        if count > 0 {
            database
                .run(async |client| api_keys::bench::insert_unheld(client, count).await)
                .await?;
        }
        let began = Instant::now();
        let api = environment.api(&programs.api, &programs.logs).await?;
        let key = match &key {
            Some(key) => key,
            None => key.insert(create_key(api.address, &programs.token).await?),
        };
        let target = ApiEndpoint::new(api.address, "/api/notifications", key)?;
        let (status, _) = HttpConnection::open(&target)
            .await?
            .post(body.clone())
            .await?;
        if status != StatusCode::ACCEPTED {
            bail!("a notification with a key was answered with {status}");
        }
        usable_after = began.elapsed();
        wait_for_keys(api.address, count).await?;
        let used = UsageMonitor::start(&[api.watched()]).stop();
        memory.push(used.values().map(|used| used.peak_mib).sum::<f64>());
        api.stop().await?;
    }
    users.delete(database).await?;
    Ok(KeyResults {
        count: plan.keys,
        usable_after_seconds: usable_after.as_secs_f64(),
        additional_mib: memory[1] - memory[0],
    })
}

/// Waits until the API has more keys than `count` in memory.
async fn wait_for_keys(api: SocketAddr, count: u32) -> anyhow::Result<()> {
    let began = Instant::now();
    while began.elapsed() < TIMEOUT {
        let (_, metrics) = get(api, "/metrics").await?;
        let metrics = String::from_utf8_lossy(&metrics);
        let mut lines = metrics.lines();
        let known = lines.find_map(|line| line.strip_prefix("tidings_api_keys "));
        let known: Option<f64> = known.and_then(|value| value.parse().ok());
        if known.is_some_and(|known| known > f64::from(count)) {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    bail!("the API does not have all keys in memory after {TIMEOUT:?}")
}
