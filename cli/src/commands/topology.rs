//! `tidings topology`.

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tidings_broker::BrokerSettings;
use tidings_broker::{Binding, Declared, ExchangeType, Topology};

use crate::output::{CommandOutput, Text, table};
use crate::settings;

/// How long the broker may take to declare all exchanges and queues.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Declares all exchanges and queues and prints them.
pub async fn run() -> anyhow::Result<CommandOutput> {
    let settings = settings::read(BrokerSettings::read)?;
    let topology = Topology::of(&settings);
    let connection = tidings_broker::connect(&settings, "tidings: topology").await?;
    let declared = tokio::time::timeout(TIMEOUT, tidings_broker::declare(&connection, &topology))
        .await
        .context("RabbitMQ did not respond in time")??;
    let mut json = serde_json::to_value(&topology)?;
    json["drifted"] = json!(declared.drifted);
    json["notPermitted"] = json!(declared.not_permitted);
    CommandOutput::new(text(&topology, &declared), json)
}

fn text(topology: &Topology, declared: &Declared) -> Text {
    let mut rows = vec![row(&["EXCHANGE", "TYPE", "ARGUMENTS"])];
    for exchange in &topology.exchanges {
        let kind = match exchange.kind {
            ExchangeType::Headers => "headers",
            ExchangeType::Direct => "direct",
            ExchangeType::Fanout => "fanout",
        };
        let arguments = arguments(tidings_broker::table_json(&exchange.arguments()));
        rows.push(row(&[&exchange.name, kind, &arguments.join(" ")]));
    }
    let mut text = Text::from(table(&rows));
    let mut bindings = vec![row(&["QUEUE", "BOUND TO", "BY"])];
    text.line("\nQUEUE WITH ARGUMENTS");
    for queue in &topology.queues {
        text.line(&queue.name);
        for argument in arguments(tidings_broker::table_json(&queue.arguments())) {
            text.line(format_args!("    {argument}"));
        }
        for binding in &queue.bindings {
            let (exchange, by) = match binding {
                Binding::Header { exchange, channel } => {
                    (exchange, format!("header channel={channel}"))
                }
                Binding::Key { exchange, key } => (exchange, format!("routing key {key}")),
                Binding::All { exchange } => (exchange, "all messages".to_owned()),
            };
            bindings.push(row(&[&queue.name, exchange, &by]));
        }
    }
    text.line("");
    text.lines(&table(&bindings));
    if !declared.not_permitted.is_empty() {
        text.line(format_args!(
            "\nThe user may not declare these, which exist and are used as they are:\n    {}",
            declared.not_permitted.join("\n    ")
        ));
    }
    if !declared.drifted.is_empty() {
        text.line(format_args!(
            "\nThese exist with other arguments and are used as they are; `tidings doctor` explains what to do:\n    {}",
            declared.drifted.join("\n    ")
        ));
    }
    text
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn arguments(table: serde_json::Map<String, Value>) -> Vec<String> {
    let shown = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let pairs = table.into_iter();
    pairs
        .map(|(name, value)| format!("{name}={}", shown(value)))
        .collect()
}
