//! The checks of RabbitMQ's exchanges, queues, bindings and policies.

use std::collections::BTreeMap;

use tidings_broker::{BrokerSettings, Drift, HarmfulPolicy, Management, Topology};
use tidings_broker::{drift, harmful_policies};

use super::CheckResults;
use super::broker::in_time;

/// How to create what is missing.
pub const DECLARE_REMEDY: &str = "run `tidings topology` as a user with the permission configure on the virtual host, or start the API or the worker";

/// Reports the exchanges and queues that are missing.
pub fn report_missing(missing: Result<Vec<String>, String>, results: &mut CheckResults) {
    match missing {
        Ok(missing) if missing.is_empty() => {
            results.ok("topology", "every exchange and queue exists");
        }
        Ok(missing) => results.error(
            "topology",
            format!("these do not exist: {}", missing.join(", ")),
            DECLARE_REMEDY,
        ),
        Err(error) => results.error(
            "topology",
            format!("cannot look for the exchanges and queues: {error}"),
            "check the log of the broker: every queue needs a majority of its nodes",
        ),
    }
}

/// Checks what only the management plugin knows: arguments, bindings and policies.
pub async fn check_details(
    settings: &BrokerSettings,
    topology: &Topology,
    results: &mut CheckResults,
) {
    let asked = match Management::new(settings) {
        Ok(management) => in_time(management.definitions()).await,
        Err(error) => Err(error.to_string()),
    };
    match asked {
        Ok(existing) => {
            report_drift(&drift(topology, &existing), results);
            let harmful = harmful_policies(topology, &existing.queues, settings.addresses.vhost());
            report_policies(&harmful, results);
        }
        Err(error) => results.warn(
            "management",
            format!(
                "arguments, bindings and policies are not checked, because RabbitMQ's management plugin cannot be used: {error}"
            ),
            "set RABBITMQ_MANAGEMENT_URL to http://user:password@host:15672, with a user that has the tag monitoring; \
             `rabbitmq-plugins enable rabbitmq_management` starts the plugin",
        ),
    }
}

fn report_drift(drift: &Drift, results: &mut CheckResults) {
    if !drift.bindings.is_empty() {
        results.error(
            "bindings",
            format!("these bindings are missing: {}", drift.bindings.join("; ")),
            "run `tidings topology`",
        );
    }
    if drift.arguments.is_empty() {
        results.ok("arguments", "the arguments are those of the settings");
        return;
    }
    results.warn(
        "arguments",
        format!(
            "these exist with arguments other than those of the settings, and are used as they are: {}",
            drift.arguments.join(", ")
        ),
        "keep them, which works; or restore the changed setting (QUORUM_SIZE); or replace them: stop \
         the API, stop the worker once its queues are empty, replay or purge the dead letters, \
         delete the queues and exchanges in the management UI, run `tidings topology` and start the programs again",
    );
}

/// Adds one result for each policy, because one pattern often matches every queue.
fn report_policies(harmful: &[HarmfulPolicy], results: &mut CheckResults) {
    if harmful.is_empty() {
        results.ok("policies", "no policy of RabbitMQ harms the queues");
    }
    let mut by_policy: BTreeMap<&str, Vec<&HarmfulPolicy>> = BTreeMap::new();
    for one in harmful {
        by_policy.entry(&one.policies).or_default().push(one);
    }
    for (policy, found) in by_policy {
        let effects: Vec<String> = found
            .iter()
            .map(|one| format!("{} of {} {}", one.definition, one.queue, one.effect))
            .collect();
        let mut commands: Vec<&str> = found
            .iter()
            .flat_map(|one| one.commands.iter().map(String::as_str))
            .collect();
        commands.dedup();
        results.error(
            "policies",
            format!("{policy} harms the queues: {}", effects.join("; ")),
            format!(
                "give the policy a pattern that does not match these queues, or delete it: `{}`; \
                 `tidings dlq replay --all` replays notifications whose dead letters are gone",
                commands.join("`, `")
            ),
        );
    }
}
