//! The ladders that exist on the broker: those of former settings stay until somebody deletes them.

use std::collections::BTreeMap;
use std::time::Duration;

use lapin::options::{QueueBindOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use tidings_domain::retry::{Attempt, Ladder};

use crate::declare::{DeclareError, close, message_count, queue_depth};
use crate::management::{Management, ManagementError, QueueTotal};
use crate::settings::{BrokerSettings, TopologyNames};

/// Longer than the management plugin takes to count the messages of a queue again.
const COUNTED_AGAIN: Duration = Duration::from_secs(6);

/// A ladder on the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingLadder {
    /// The settings that it was built from.
    pub ladder: Ladder,
    /// The messages on each rung that exists, by the number of the rung.
    pub rungs: BTreeMap<u32, u64>,
}

impl ExistingLadder {
    /// All messages on the ladder.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.rungs.values().sum()
    }
}

/// What came of the attempt to remove a ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LadderRemoval {
    /// Its queues are deleted.
    Removed,
    /// It has messages, so it is as before.
    NotEmpty,
}

/// Lists the ladders of this installation, by the queues that the management plugin knows.
///
/// # Errors
///
/// Fails if the plugin cannot be used.
pub async fn list_ladders(
    settings: &BrokerSettings,
) -> Result<Vec<ExistingLadder>, ManagementError> {
    let totals = Management::new(settings)?.queue_totals().await?;
    Ok(ladders_of(&settings.names, &totals))
}

fn ladders_of(names: &TopologyNames, totals: &[QueueTotal]) -> Vec<ExistingLadder> {
    let prefix = format!("{}.retry.", names.queue);
    let mut found: Vec<ExistingLadder> = Vec::new();
    for total in totals {
        let rung = total.name.strip_prefix(&prefix);
        let Some((label, number)) = rung.and_then(|rung| rung.rsplit_once('.')) else {
            continue;
        };
        let (Ok(ladder), Ok(number)) = (label.parse::<Ladder>(), number.parse()) else {
            continue;
        };
        let messages = total.messages.unwrap_or(0) + total.messages_dlx.unwrap_or(0);
        match found.iter_mut().find(|one| one.ladder == ladder) {
            Some(one) => {
                one.rungs.insert(number, messages);
            }
            None => found.push(ExistingLadder {
                ladder,
                rungs: BTreeMap::from([(number, messages)]),
            }),
        }
    }
    found.sort_by_key(|one| one.ladder.to_string());
    found
}

/// Looks for the rungs of one ladder by their names. AMQP cannot list queues.
///
/// # Errors
///
/// Fails if the broker cannot be reached.
pub async fn find_ladder(
    connection: &Connection,
    names: &TopologyNames,
    ladder: Ladder,
) -> Result<ExistingLadder, DeclareError> {
    let mut rungs = BTreeMap::new();
    for number in ladder.rungs() {
        let depth = queue_depth(connection, &names.retry_queue(&ladder, number)).await?;
        rungs.extend(depth.map(|depth| (number, u64::from(depth))));
    }
    Ok(ExistingLadder { ladder, rungs })
}

/// Why a ladder cannot be removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveLadderError {
    /// RabbitMQ refuses a command.
    #[error(transparent)]
    Broker(#[from] lapin::Error),
    /// The messages on the ladder cannot be counted.
    #[error(transparent)]
    Count(#[from] ManagementError),
}

/// Deletes the queues of a ladder if it has no messages.
///
/// First it unbinds the queues, so that no message can arrive any more. A message that is still on this ladder, because it is
/// being processed at the moment, then becomes a dead letter `unrouted` when it fails; it is not lost.
///
/// # Errors
///
/// Fails if RabbitMQ or its management plugin cannot be used. The ladder may then be unbound; the next start of a program
/// with its settings binds it again.
pub async fn remove_ladder(
    connection: &Connection,
    settings: &BrokerSettings,
    existing: &ExistingLadder,
) -> Result<LadderRemoval, RemoveLadderError> {
    let names = &settings.names;
    let channel = connection.create_channel().await?;
    let bindings = Bindings::of(names, existing);
    bindings.remove(&channel).await?;
    // The plugin's count is older than the unbinding at first, and AMQP does not count messages that have expired.
    tokio::time::sleep(COUNTED_AGAIN).await;
    let totals = Management::new(settings)?.queue_totals().await?;
    let counted = ladders_of(names, &totals);
    let expired = counted.iter().find(|one| one.ladder == existing.ladder);
    let mut is_empty = expired.is_none_or(|one| one.messages() == 0);
    for rung in existing.rungs.keys() {
        let queue = names.retry_queue(&existing.ladder, *rung);
        is_empty &= message_count(&channel, &queue).await? == 0;
    }
    if !is_empty {
        bindings.restore(&channel).await?;
        close(&channel).await;
        return Ok(LadderRemoval::NotEmpty);
    }
    for rung in existing.rungs.keys() {
        let queue = names.retry_queue(&existing.ladder, *rung);
        channel
            .queue_delete(queue.as_str().into(), QueueDeleteOptions::default())
            .await?;
    }
    close(&channel).await;
    Ok(LadderRemoval::Removed)
}

/// The bindings of a ladder: queue and routing key.
struct Bindings {
    exchange: String,
    keys: Vec<(String, String)>,
}

impl Bindings {
    fn of(names: &TopologyNames, existing: &ExistingLadder) -> Self {
        let ladder = existing.ladder;
        let key = |number| Attempt { number, ladder }.to_string();
        let rungs = existing
            .rungs
            .keys()
            .map(|n| (names.retry_queue(&ladder, *n), key(n.saturating_sub(1))));
        let last = (names.dlq.clone(), key(ladder.max));
        Self {
            exchange: names.retry_exchange(),
            keys: rungs.chain([last]).collect(),
        }
    }

    async fn remove(&self, channel: &Channel) -> lapin::Result<()> {
        for (queue, key) in &self.keys {
            let (queue, exchange, key) = (queue.as_str(), self.exchange.as_str(), key.as_str());
            let arguments = FieldTable::default();
            channel
                .queue_unbind(queue.into(), exchange.into(), key.into(), arguments)
                .await?;
        }
        Ok(())
    }

    async fn restore(&self, channel: &Channel) -> lapin::Result<()> {
        for (queue, key) in &self.keys {
            let (queue, exchange, key) = (queue.as_str(), self.exchange.as_str(), key.as_str());
            let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
            channel
                .queue_bind(
                    queue.into(),
                    exchange.into(),
                    key.into(),
                    options,
                    arguments,
                )
                .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ladders_are_found_by_the_names_of_their_queues() {
        let names = TopologyNames {
            queue: "q".to_owned(),
            dlq: "d".to_owned(),
            exchange: "x".to_owned(),
        };
        let total = |name: &str, messages, messages_dlx| QueueTotal {
            name: name.to_owned(),
            messages,
            messages_dlx,
        };
        let found = ladders_of(
            &names,
            &[
                total("q.retry.3x1000x5x60000.2", Some(4), Some(1)),
                total("q.retry.3x1000x5x60000.1", None, None),
                total("q.retry.8x1x1x1.1", Some(2), None),
                total("q.email", Some(9), None),
                total("q.retry.mine.1", Some(9), None),
                total("other.retry.8x1x1x1.1", Some(9), None),
            ],
        );
        let labels: Vec<_> = found.iter().map(|one| one.ladder.to_string()).collect();
        assert_eq!(labels, ["3x1000x5x60000", "8x1x1x1"]);
        assert_eq!(found[0].rungs, BTreeMap::from([(1, 0), (2, 5)]));
        assert_eq!(found[1].messages(), 2);
    }
}
