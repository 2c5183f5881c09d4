//! Compares the topology with what exists on the broker.

use serde_json::{Map, Value};

use crate::declare::header_binding_arguments;
use crate::management::{Definitions, ExistingBinding, members};
use crate::table_json::table_json;
use crate::topology::{Binding, Queue, Topology};

/// How the objects on the broker differ from the topology. Objects that are missing are not part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// Names of exchanges and queues that have other arguments.
    pub arguments: Vec<String>,
    /// The bindings that are missing, in words.
    pub bindings: Vec<String>,
}

/// Compares the topology with what exists.
#[must_use]
pub fn drift(topology: &Topology, existing: &Definitions) -> Drift {
    let mut drift = Drift::default();
    for exchange in &topology.exchanges {
        let found = existing
            .exchanges
            .iter()
            .find(|it| it.name == exchange.name);
        let same = found.is_none_or(|found| {
            found.kind == exchange.kind.as_str()
                && members(&found.arguments) == table_json(&exchange.arguments())
        });
        if !same {
            drift.arguments.push(exchange.name.clone());
        }
    }
    for queue in &topology.queues {
        let found = existing.queues.iter().find(|it| it.name == queue.name);
        let Some(found) = found else { continue };
        if members(&found.arguments) != table_json(&queue.arguments()) {
            drift.arguments.push(queue.name.clone());
        }
        drift
            .bindings
            .extend(missing_bindings([queue], &existing.bindings));
    }
    drift
}

/// Returns the bindings of `queues` that are missing, in words.
pub(crate) fn missing_bindings<'q>(
    queues: impl IntoIterator<Item = &'q Queue>,
    existing: &[ExistingBinding],
) -> Vec<String> {
    let mut missing = Vec::new();
    for queue in queues {
        let bindings = queue.bindings.iter();
        let not_bound = bindings.filter(|it| !is_bound(queue, it, existing));
        missing.extend(not_bound.map(|it| in_words(queue, it)));
    }
    missing
}

fn is_bound(queue: &Queue, binding: &Binding, existing: &[ExistingBinding]) -> bool {
    let (exchange, key, arguments) = parts(binding);
    existing.iter().any(|found| {
        found.source == exchange
            && found.destination == queue.name
            && found.routing_key == key
            && members(&found.arguments) == arguments
    })
}

fn parts(binding: &Binding) -> (&str, &str, Map<String, Value>) {
    match binding {
        Binding::Header { exchange, channel } => {
            let arguments = header_binding_arguments(channel);
            (exchange, "", table_json(&arguments))
        }
        Binding::Key { exchange, key } => (exchange, key, Map::new()),
        Binding::All { exchange } => (exchange, "", Map::new()),
    }
}

fn in_words(queue: &Queue, binding: &Binding) -> String {
    let by = match binding {
        Binding::Header { channel, .. } => format!(" with the header channel={channel}"),
        Binding::Key { key, .. } => format!(" with the routing key {key}"),
        Binding::All { .. } => String::new(),
    };
    format!("{} to {}{by}", queue.name, parts(binding).0)
}
