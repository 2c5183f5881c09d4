//! The rates of callers with a JWT, with an API key, with a limit, and beside audited changes.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use tidings_domain::notification::UserId;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::AccessPlan;
use super::calls::{Calls, create_key};
use super::results::PostingRates;
use crate::environment::Environment;
use crate::load::LoadPlan;
use crate::pipeline::MeasuredInstallation;
use crate::programs::RunningProgram;
use crate::progress::bar;
use crate::recorded_rows;
use crate::statistics::per_second;
use crate::test_users::TestUsers;

/// Requests a minute: more than any caller can send, so that the limit is counted and never reached.
const UNREACHED_LIMIT: u32 = 10_000_000;

/// Audited changes: one batch of so many users in each interval.
const CHANGED_USERS: usize = 10;
const CHANGE_INTERVAL: Duration = Duration::from_millis(200);

/// One kind of caller.
struct Caller<'a> {
    installation: MeasuredInstallation,
    audited_changes: bool,
    rates: &'a mut Vec<f64>,
}

/// Measures each kind of caller in each round, in an order that changes from round to round.
pub async fn measure(environment: &Environment, plan: &AccessPlan) -> anyhow::Result<PostingRates> {
    let programs = &plan.system.programs;
    let api = environment.api(&programs.api, &programs.logs).await?;
    let limit = BTreeMap::from([("RATE_LIMIT_PER_CALLER", UNREACHED_LIMIT.to_string())]);
    let limited = environment
        .api_with("api-with-limit", &limit, &programs.api, &programs.logs)
        .await?;
    let key = create_key(api.address, &programs.token).await?;
    let installation =
        |api: &RunningProgram, token: &str| environment.installation(api, token, Vec::new());
    let mut rates = PostingRates::default();
    let mut callers = [
        (installation(&api, &programs.token), false, &mut rates.jwt),
        (installation(&api, &key), false, &mut rates.key),
        (
            installation(&limited, &programs.token),
            false,
            &mut rates.limited,
        ),
        (
            installation(&api, &programs.token),
            true,
            &mut rates.audited,
        ),
    ]
    .map(|(installation, audited_changes, rates)| Caller {
        installation,
        audited_changes,
        rates,
    });
    for nth in 1..=plan.rounds {
        eprintln!("Round {nth} of {}", plan.rounds);
        for caller in &mut callers {
            let rate = caller.rate(plan).await?;
            caller.rates.push(rate);
        }
        callers.rotate_left(1);
    }
    limited.stop().await?;
    api.stop().await?;
    Ok(rates)
}

impl Caller<'_> {
    /// Notifications that the API accepts in a second.
    async fn rate(&self, plan: &AccessPlan) -> anyhow::Result<f64> {
        let users = TestUsers::create(&self.installation.database).await?;
        let load = LoadPlan {
            count: plan.count,
            connections: plan.system.connections,
            batch: 1,
            rate: None,
        };
        let changes = if self.audited_changes {
            let token = plan.system.programs.token.clone();
            let calls = Calls::open(self.installation.api, "/api/users/batch", &token).await?;
            Some(tokio::spawn(change_users(calls)))
        } else {
            None
        };
        let posted = self
            .installation
            .post(load, plan.system.payload_bytes, &users)
            .await?;
        if let Some(changes) = changes {
            ensure!(!changes.is_finished(), "the audited changes have failed");
            changes.abort();
        }
        let missing = posted.refused + posted.unanswered;
        ensure!(missing == 0, "{missing} notifications were not accepted");
        let progress = bar(plan.count, "recording");
        recorded_rows::wait(&self.installation.database, &users, plan.count, &progress).await?;
        progress.finish_and_clear();
        users.delete(&self.installation.database).await?;
        Ok(per_second(plan.count, posted.took))
    }
}

/// Changes the same users again and again. Ends only on an error.
async fn change_users(mut calls: Calls) -> anyhow::Result<()> {
    let ids: Vec<UserId> = (0..CHANGED_USERS).map(|_| Uuid::now_v7().into()).collect();
    let mut interval = interval(CHANGE_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for locale in ["de", "fr"].iter().cycle() {
        interval.tick().await;
        let user = |id: &UserId| json!({"id": id, "username": id.to_string(), "locale": locale});
        let users: Vec<Value> = ids.iter().map(user).collect();
        calls.succeed(&json!({"users": users})).await?;
    }
    Ok(())
}
