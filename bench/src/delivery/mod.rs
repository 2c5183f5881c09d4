//! Measures deliveries: messages from the POST, or from a full queue, to a receiver within this program.

mod arrivals;
mod parts;
mod phases;
mod queue;
mod receiver;
mod results;
mod send_alone;
mod smtp_sink;
mod transactions;
mod webhook_receiver;

use std::time::Duration;

use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;

pub use arrivals::{ArrivalLedger, LedgerDifferences};
pub use queue::DeliveryQueue;
pub use receiver::{MeasuredChannel, Receiver};
pub use results::{DeliveryReport, DeliveryResults, DeliveryRound};

use crate::environment::{Environment, SystemUnderLoad};
use parts::measure_parts;
use phases::Phases;
use transactions::{IdleTransactions, TransactionCounter};
pub use webhook_receiver::HangEvery;

/// What to measure.
#[derive(Clone, Debug)]
pub struct DeliveryPlan {
    /// The channel.
    pub channel: MeasuredChannel,
    /// Number of rounds.
    pub rounds: usize,
    /// Messages for each part and phase of a round.
    pub count: u64,
    /// Messages in the quiet system, one at a time.
    pub quiet: u64,
    /// How long the idle system is measured.
    pub idle: Duration,
    /// Destinations of webhooks. One gets at most half of the sends at once.
    pub destinations: u32,
    /// Maximum number of sends at once.
    pub concurrency: u16,
    /// The programs and their load.
    pub system: SystemUnderLoad,
}

/// Runs the rounds, each in a new database and new queues, which it deletes.
///
/// # Errors
///
/// Returns an error if a server or a program fails.
pub async fn measure(
    plan: &DeliveryPlan,
    broker: &BrokerSettings,
    database: &DatabaseSettings,
) -> anyhow::Result<DeliveryResults> {
    let receiver =
        Receiver::start(plan.channel, plan.destinations, &plan.system.programs.logs).await?;
    let mut idle = None;
    let mut rounds = Vec::new();
    for nth in 1..=plan.rounds {
        eprintln!("Round {nth} of {}", plan.rounds);
        let mut environment = Environment::create(broker, database).await?;
        environment.set(receiver.settings(plan.concurrency));
        let measured = round(plan, &environment, database, &receiver, &mut idle).await;
        environment.delete().await?;
        rounds.push(measured?);
    }
    Ok(DeliveryResults::of(
        plan.channel,
        plan.destinations,
        plan.concurrency,
        idle.unwrap_or_default(),
        rounds,
    ))
}

/// Measures the idle system in the first round only.
async fn round(
    plan: &DeliveryPlan,
    environment: &Environment,
    home: &DatabaseSettings,
    receiver: &Receiver,
    idle: &mut Option<IdleTransactions>,
) -> anyhow::Result<DeliveryRound> {
    let parts = measure_parts(plan, receiver, &environment.broker, home).await?;
    let mut phases = Phases {
        plan,
        queue: DeliveryQueue {
            environment,
            programs: &plan.system.programs,
            receiver,
            payload_bytes: plan.system.payload_bytes,
        },
        transactions: &TransactionCounter::new(home, environment)?,
        idle: idle.unwrap_or_default(),
    };
    if idle.is_none() {
        phases.idle = phases.idle().await?;
        *idle = Some(phases.idle);
    }
    let full_queue = phases.full_queue().await?;
    let (load, quiet_ms) = phases.load().await?;
    Ok(DeliveryRound {
        ideal: parts.ideal(),
        parts,
        full_queue,
        load,
        quiet_ms,
    })
}
