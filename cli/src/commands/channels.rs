//! `tidings channels`: the states of the channels that send to the outside.

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde_json::json;
use tidings_broker::{BrokerSettings, QueueStatus};
use tidings_db::channel_probes::{self, ProbeRequestResult};
use tidings_db::overview::channel_facts;
use tidings_db::{Database, DatabaseSettings, TransactionOptions};
use tidings_domain::notification::{Channel, DeliveredChannel};
use tidings_domain::overview::{ChannelOverview, Facts, channels};

use super::overview::queues;
use crate::operator::operator;
use crate::output::{CommandOutput, printable, table};
use crate::settings;

/// The commands for channels. `tidings sending` stops and starts them.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show the state of each channel, its provider and its queue
    List,
    /// Try a provider that is down now, with one message
    Probe {
        /// email, sms, push or webhook
        #[arg(value_parser = delivered)]
        channel: DeliveredChannel,
    },
}

fn delivered(text: &str) -> Result<DeliveredChannel, &'static str> {
    let channel: Option<Channel> = text.parse().ok();
    let delivered = channel.and_then(Channel::delivered);
    delivered.ok_or("must be email, sms, push or webhook")
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    match command {
        Command::List => list().await,
        Command::Probe { channel } => probe(channel).await,
    }
}

async fn list() -> anyhow::Result<CommandOutput> {
    let (database, broker) = settings::read(|reader| {
        let database = DatabaseSettings::read(reader);
        Some((database?, BrokerSettings::read(reader)?))
    })?;
    let database = Database::new(&database, "tidings channels")?;
    let reading = database.run(async |client| channel_facts(client).await);
    let (known, (broker, queues)) = tokio::join!(reading, queues(&broker));
    let channels = channels(&Facts {
        at: Timestamp::now(),
        broker,
        queues: queues.iter().map(QueueStatus::facts).collect(),
        max_queue_length: 0,
        database: Some(known.context("cannot read the states of the channels")?),
    });
    CommandOutput::new(rows(&channels), json!({ "channels": channels }))
}

/// The channels as a table.
pub fn rows(channels: &[ChannelOverview]) -> String {
    let head = [
        "CHANNEL",
        "STATE",
        "PROVIDER",
        "WAITING",
        "CONSUMERS",
        "WORKERS",
        "REASON",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let number = |count: Option<u32>| count.map_or_else(|| "-".to_owned(), |n| n.to_string());
    rows.extend(channels.iter().map(|one| {
        vec![
            one.channel.to_owned(),
            one.state.to_owned(),
            printable(one.provider.as_deref().unwrap_or("-")),
            number(one.depth),
            number(one.consumers),
            one.workers.to_string(),
            printable(one.reason.as_deref().unwrap_or_default()),
        ]
    }));
    table(&rows)
}

async fn probe(channel: DeliveredChannel) -> anyhow::Result<CommandOutput> {
    let settings = settings::read(DatabaseSettings::read)?;
    let database = Database::new(&settings, "tidings channels")?;
    let origin = operator();
    let requesting = database.transaction(TransactionOptions::default(), async |transaction| {
        channel_probes::request(transaction, channel, "tidings", &origin).await
    });
    match requesting.await.context("cannot ask for a probe")? {
        ProbeRequestResult::Requested(at) => CommandOutput::new(
            format!("The workers will try the provider of {channel} with the next message.\n"),
            json!({"channel": channel.as_str(), "requestedAt": at}),
        ),
        ProbeRequestResult::Stopped => bail!(
            "an operator has stopped {channel}: start it first, with `tidings sending start --channel {channel}`"
        ),
    }
}
