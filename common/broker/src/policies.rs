//! What policies of RabbitMQ do to the queues. A policy acts beside the arguments of a queue, which cannot forbid it.

use serde_json::Value;

use crate::management::{ExistingQueue, Management, members};
use crate::settings::BrokerSettings;
use crate::topology::{Queue, Topology};

/// A definition of a policy that loses or disturbs messages of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HarmfulPolicy {
    /// The queue.
    pub queue: String,
    /// The policy, or policies, that apply.
    pub policies: String,
    /// The definition, for example `message-ttl=8000`.
    pub definition: String,
    /// What it does.
    pub effect: &'static str,
    /// The commands that remove the policies.
    pub commands: Vec<String>,
}

/// Logs a warning for each definition of a policy that harms a queue. Call this after the queues are declared.
pub async fn warn_of_harmful_policies(settings: &BrokerSettings) {
    let asked = match Management::new(settings) {
        Ok(management) => management.definitions().await,
        Err(error) => Err(error),
    };
    let existing = match asked {
        Ok(existing) => existing.queues,
        Err(error) => {
            tracing::info!(
                %error,
                "RabbitMQ's management plugin cannot be used, so policies that harm the queues would not be noticed"
            );
            return;
        }
    };
    for found in harmful_policies(
        &Topology::of(settings),
        &existing,
        settings.addresses.vhost(),
    ) {
        tracing::warn!(
            queue = found.queue,
            policies = found.policies,
            definition = found.definition,
            effect = found.effect,
            "a policy of RabbitMQ harms a queue; see `tidings doctor`"
        );
    }
}

/// Returns the definitions of policies that harm queues of the topology. `vhost` is part of the commands.
#[must_use]
pub fn harmful_policies(
    topology: &Topology,
    existing: &[ExistingQueue],
    vhost: &str,
) -> Vec<HarmfulPolicy> {
    let mut found = Vec::new();
    for queue in &topology.queues {
        let Some(existing) = existing.iter().find(|other| other.name == queue.name) else {
            continue;
        };
        for (key, value) in members(&existing.effective_policy_definition) {
            if let Some(effect) = effect(queue, &key, &value) {
                found.push(HarmfulPolicy {
                    queue: queue.name.clone(),
                    policies: names(existing).join(" and "),
                    definition: format!("{key}={}", plain(&value)),
                    effect,
                    commands: commands(existing, vhost),
                });
            }
        }
    }
    found
}

/// Returns what a definition does to a queue, or `None` if it is harmless: an argument of the queue takes precedence
/// over it, or it does not concern messages.
fn effect(queue: &Queue, key: &str, value: &Value) -> Option<&'static str> {
    let is_dead_letter_queue = queue.dead_letter_exchange.is_none();
    match key {
        // The shorter one applies.
        "message-ttl" => match queue.message_ttl_ms {
            Some(own) if value.as_i64().is_some_and(|ttl| ttl >= own) => None,
            Some(_) => Some("shortens the delay of the queue"),
            None if is_dead_letter_queue => Some("deletes dead letters"),
            None => Some("takes attempts from messages that wait"),
        },
        "expires" => Some("deletes the queue with its messages while no consumer uses it"),
        "max-length" | "max-length-bytes" if is_dead_letter_queue => {
            Some("deletes the oldest dead letters")
        }
        "max-length" | "max-length-bytes" => {
            Some("makes the queue refuse messages, which blocks retries for minutes")
        }
        "delivery-limit" => Some("dead-letters messages that RabbitMQ delivers again"),
        // Arguments of the queue take precedence.
        "dead-letter-exchange" if is_dead_letter_queue => {
            Some("moves dead letters to another exchange")
        }
        "dead-letter-routing-key" if queue.dead_letter_routing_key.is_none() => {
            Some("overwrites the routing key, which carries the attempt")
        }
        _ => None,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn names(queue: &ExistingQueue) -> Vec<String> {
    let policy = queue
        .policy
        .iter()
        .map(|name| format!("the policy {name:?}"));
    let operator = queue.operator_policy.iter();
    policy
        .chain(operator.map(|name| format!("the operator policy {name:?}")))
        .collect()
}

fn commands(queue: &ExistingQueue, vhost: &str) -> Vec<String> {
    let clear = |command: &str, name: &String| {
        format!(
            "rabbitmqctl {command} -p {} {}",
            shell_word(vhost),
            shell_word(name)
        )
    };
    let policy = queue.policy.iter().map(|name| clear("clear_policy", name));
    let operator = queue.operator_policy.iter();
    policy
        .chain(operator.map(|name| clear("clear_operator_policy", name)))
        .collect()
}

fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidings_settings::Reader;

    use super::*;

    fn harmed(definition: &Value) -> Vec<(String, String)> {
        let url = ("RABBITMQ_URL".to_owned(), "amqp://127.0.0.1".to_owned());
        let settings = BrokerSettings::read(&mut Reader::from_vars([url])).expect("settings");
        let topology = Topology::of(&settings);
        let existing = |queue: &Queue| ExistingQueue {
            name: queue.name.clone(),
            policy: Some("all".to_owned()),
            effective_policy_definition: definition.clone(),
            ..ExistingQueue::default()
        };
        let existing: Vec<_> = topology.queues.iter().map(existing).collect();
        let found = harmful_policies(&topology, &existing, "v");
        let pairs = found.into_iter();
        pairs.map(|found| (found.queue, found.definition)).collect()
    }

    #[test]
    fn a_time_to_live_harms_every_queue_with_a_longer_one_or_none() {
        let harmed = harmed(&json!({"message-ttl": 8000}));
        let has = |name: &str| harmed.iter().any(|(queue, _)| queue == name);
        for name in [
            "notifications_dlq",
            "notifications_queue",
            "notifications_queue.email",
            "notifications.wait.30s",
            "notifications_queue.retry.8x1000x5x3600000.3",
        ] {
            assert!(has(name), "{name}");
        }
        for name in [
            "notifications.wait.1s",
            "notifications_queue.retry.8x1000x5x3600000.2",
        ] {
            assert!(!has(name), "{name}");
        }
        assert_eq!(harmed[0].1, "message-ttl=8000");
    }

    #[test]
    fn definitions_that_an_argument_overrides_are_harmless() {
        assert_eq!(harmed(&json!({"overflow": "drop-head"})), []);
        assert_eq!(harmed(&json!({"queue-leader-locator": "balanced"})), []);
        assert_eq!(harmed(&json!([])), []);
        let moved = harmed(&json!({"dead-letter-exchange": "other"}));
        assert_eq!(moved.len(), 1);
        assert_eq!(moved[0].0, "notifications_dlq");
    }

    #[test]
    fn the_command_names_the_policy_that_applies() {
        let queue = ExistingQueue {
            policy: Some("it's".to_owned()),
            operator_policy: Some("limits".to_owned()),
            ..ExistingQueue::default()
        };
        assert_eq!(
            commands(&queue, "/"),
            [
                r"rabbitmqctl clear_policy -p '/' 'it'\''s'",
                "rabbitmqctl clear_operator_policy -p '/' 'limits'"
            ]
        );
    }
}
