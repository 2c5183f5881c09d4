use std::collections::BTreeMap;

use anyhow::Context;
use reqwest::Url;
use tidings_broker::BrokerSettings;
use tidings_broker::raw::options::QueueDeclareOptions;
use tidings_broker::raw::types::FieldTable;
use tidings_broker::{DeadLetterQueue, Topology, connect, disconnect};
use tidings_settings::Reader;
use tidings_tests::Management;
use uuid::Uuid;

/// RabbitMQ, accessed without proxies.
pub struct Broker {
    settings: BrokerSettings,
    topology: Topology,
    /// The management plugin of each node.
    management: Vec<Management>,
}

/// The messages that remain in the queues of an installation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemainingMessages {
    /// In the dead-notification queue.
    pub dead_letters: u64,
    /// In the other queues that are not empty, by name.
    pub waiting: BTreeMap<String, u64>,
}

impl Broker {
    /// Uses the settings of a program, without proxies.
    pub fn new(settings: BTreeMap<String, String>, management: &[Url]) -> anyhow::Result<Self> {
        let mut reader = Reader::from_vars(settings);
        let settings = BrokerSettings::read(&mut reader);
        let settings = reader
            .finish(settings)
            .map_err(|problems| anyhow::anyhow!("{problems}"))?;
        Ok(Self {
            topology: Topology::of(&settings),
            settings,
            management: management.iter().cloned().map(Management::new).collect(),
        })
    }

    /// Returns the name of the intake queue.
    pub fn intake(&self) -> &str {
        &self.settings.names.queue
    }

    /// Returns the number of ready messages in each queue, without those that a consumer holds.
    pub async fn remaining_messages(&self) -> anyhow::Result<RemainingMessages> {
        let connection = connect(&self.settings, "tidings-chaos").await?;
        let channel = connection.create_channel().await?;
        let mut remaining = RemainingMessages::default();
        for queue in &self.topology.queues {
            let options = QueueDeclareOptions {
                passive: true,
                ..Default::default()
            };
            let declared =
                channel.queue_declare(queue.name.as_str().into(), options, FieldTable::default());
            let messages = declared.await?.message_count().into();
            if queue.name == self.settings.names.dlq {
                remaining.dead_letters = messages;
            } else if messages > 0 {
                remaining.waiting.insert(queue.name.clone(), messages);
            }
        }
        disconnect(&connection).await;
        Ok(remaining)
    }

    /// Returns id and reason of each dead letter. They remain in their queue.
    pub async fn dead_letters(&self) -> anyhow::Result<Vec<(Option<Uuid>, String)>> {
        let connection = connect(&self.settings, "tidings-chaos").await?;
        let queue = DeadLetterQueue::open(&connection, &self.settings.names.dlq).await?;
        let mut letters = Vec::new();
        while let Some(letter) = queue.next().await? {
            let id = letter.message_id.and_then(|id| id.parse().ok());
            letters.push((id, letter.reason));
        }
        queue.close().await?;
        disconnect(&connection).await;
        Ok(letters)
    }

    /// Returns the number of messages that consumers held some seconds ago.
    pub async fn unacknowledged(&self) -> anyhow::Result<u64> {
        let mut answer = None;
        for node in &self.management {
            if let Ok(queues) = node.get(&["queues"]).await {
                answer = Some(queues);
                break;
            }
        }
        let queues = answer.context("no management plugin responds")?;
        let queues = queues.as_array().context("a list of queues")?;
        let held = |queue: &serde_json::Value| queue["messages_unacknowledged"].as_u64();
        let held: Option<Vec<_>> = queues.iter().map(held).collect();
        Ok(held
            .context("the plugin has no counts yet")?
            .into_iter()
            .sum())
    }
}
