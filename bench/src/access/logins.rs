//! Logins of many clients at once, and the time of refused ones.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::AccessPlan;
use super::calls::Calls;
use super::results::LoginResults;
use crate::environment::Environment;
use crate::hostile::LivenessProbe;
use crate::process_usage::UsageMonitor;
use crate::statistics::{median, per_second};

/// A secret for this measurement only.
const ACCOUNTS_SECRET: &str = "b0fd5c1e8a7f4d2396e1c7a5d8b4f0e2";

/// Users who log in.
const USERS: usize = 40;

/// Refused logins of each user: so many are refused without a delay.
const REFUSED: usize = 4;

/// Of users who log in for this measurement only.
const PASSWORD: &str = "a long password for the benchmark";

/// Measures an API with accounts.
pub async fn measure(environment: &Environment, plan: &AccessPlan) -> anyhow::Result<LoginResults> {
    let programs = &plan.system.programs;
    let settings = BTreeMap::from([
        ("ACCOUNTS", "on".to_owned()),
        ("ACCOUNTS_SECRET", ACCOUNTS_SECRET.to_owned()),
        ("LOGIN_NOTIFICATIONS", "off".to_owned()),
    ]);
    let api = environment
        .api_with(
            "api-with-accounts",
            &settings,
            &programs.api,
            &programs.logs,
        )
        .await?;
    let users = create_users(api.address, &programs.token).await?;
    let (known, unknown) = refused(api.address, &users).await?;

    let usage = UsageMonitor::start(&[api.watched()]);
    let liveness = LivenessProbe::start(api.address);
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for nth in 0..plan.clients {
        let user = users[nth % users.len()].clone();
        clients.spawn(log_in(api.address, user, began + plan.logging_in));
    }
    let (mut done, mut busy) = (0, 0);
    while let Some(client) = clients.join_next().await {
        let counts = client??;
        done += counts.done;
        busy += counts.busy;
    }
    let took = began.elapsed();
    let slowest_live_seconds = liveness.stop();
    let used = usage.stop();
    api.stop().await?;
    Ok(LoginResults {
        clients: plan.clients,
        per_second: per_second(done, took),
        busy,
        peak_mib: used
            .values()
            .map(|used| used.peak_mib)
            .fold(f64::NAN, f64::max),
        slowest_live_seconds,
        refused_known_ms: known,
        refused_unknown_ms: unknown,
    })
}

/// Creates users with a password. Returns their names.
async fn create_users(api: SocketAddr, token: &str) -> anyhow::Result<Vec<String>> {
    let mut calls = Calls::open(api, "/api/v1/users", token).await?;
    let mut names = Vec::new();
    for _ in 0..USERS {
        let name = format!("bench-{}", Uuid::now_v7());
        let email = format!("{name}@example.com");
        let user = json!({"username": name, "email": email, "password": PASSWORD});
        calls.succeed(&user).await?;
        names.push(name);
    }
    Ok(names)
}

fn login(name: &str, password: &str) -> Value {
    json!({"username": name, "password": password})
}

/// How many logins of a client had which response.
#[derive(Default)]
struct LoginCounts {
    done: u64,
    busy: u64,
}

/// Logs in, again and again.
async fn log_in(api: SocketAddr, name: String, until: Instant) -> anyhow::Result<LoginCounts> {
    let mut calls = Calls::open(api, "/api/auth/login", "").await?;
    let (mut counts, body) = (LoginCounts::default(), login(&name, PASSWORD));
    while Instant::now() < until {
        match calls.post(&body).await? {
            (StatusCode::OK, _) => counts.done += 1,
            (StatusCode::SERVICE_UNAVAILABLE, _) => counts.busy += 1,
            (status, response) => bail!("the API answered {status}: {response}"),
        }
    }
    Ok(counts)
}

/// Logs in with wrong passwords, as known and unknown users in turn. Returns the median time of each, in milliseconds.
async fn refused(api: SocketAddr, users: &[String]) -> anyhow::Result<(f64, f64)> {
    let mut calls = Calls::open(api, "/api/auth/login", "").await?;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..REFUSED {
        for name in users {
            let stranger = format!("x{name}");
            for (name, times) in [(name, &mut known), (&stranger, &mut unknown)] {
                let began = Instant::now();
                let (status, _) = calls.post(&login(name, "a wrong password")).await?;
                times.push(millis(began.elapsed()));
                if status != StatusCode::UNAUTHORIZED {
                    bail!("a wrong password was answered with {status}");
                }
            }
        }
    }
    let times = (median(known), median(unknown));
    Some(times)
        .filter(|(known, unknown)| known.is_finite() && unknown.is_finite())
        .context("nothing was measured")
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
