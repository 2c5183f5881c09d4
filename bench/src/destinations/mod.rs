//! What destinations that hang take from others: the rate of webhooks to thousands of destinations, of which some
//! accept connections and never answer.

mod results;

use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;

pub use results::{DestinationsResults, DestinationsRound, GoodDeliveries};

use crate::delivery::{DeliveryQueue, HangEvery, Receiver};
use crate::environment::{Environment, Programs};
use crate::test_users::TestUsers;

/// What to measure.
#[derive(Clone, Debug)]
pub struct DestinationsPlan {
    /// Number of rounds.
    pub rounds: usize,
    /// Webhooks in each run, to each destination in turn.
    pub count: u64,
    /// Destinations.
    pub destinations: u32,
    /// Every destination with a number that this divides hangs, counted from 0.
    pub hang_every: HangEvery,
    /// Maximum number of sends at once.
    pub concurrency: u16,
    /// Bytes of each payload.
    pub payload_bytes: usize,
    /// The programs.
    pub programs: Programs,
}

impl DestinationsPlan {
    /// Webhooks to destinations that never hang.
    fn good(&self) -> u64 {
        let destinations = u64::from(self.destinations);
        let hangs = |number: &u64| (number % destinations).is_multiple_of(self.hang_every.into());
        let hanging = (0..self.count).filter(hangs).count() as u64;
        self.count - hanging
    }
}

/// Runs the rounds: in each, first no destination hangs, then some do. Each run has a new database and new queues, which
/// it deletes.
///
/// # Errors
///
/// Returns an error if a server or a program fails.
pub async fn measure(
    plan: &DestinationsPlan,
    broker: &BrokerSettings,
    database: &DatabaseSettings,
) -> anyhow::Result<DestinationsResults> {
    let mut rounds = Vec::new();
    for nth in 1..=plan.rounds {
        eprintln!("Round {nth} of {}", plan.rounds);
        rounds.push(DestinationsRound {
            none_hangs: run(plan, broker, database, None).await?,
            some_hang: run(plan, broker, database, Some(plan.hang_every)).await?,
        });
    }
    Ok(DestinationsResults::of(plan, rounds))
}

async fn run(
    plan: &DestinationsPlan,
    broker: &BrokerSettings,
    database: &DatabaseSettings,
    hang_every: Option<HangEvery>,
) -> anyhow::Result<GoodDeliveries> {
    let receiver = Receiver::webhooks(plan.destinations, hang_every).await?;
    let mut environment = Environment::create(broker, database).await?;
    environment.set(receiver.settings(plan.concurrency));
    let queue = DeliveryQueue {
        environment: &environment,
        programs: &plan.programs,
        receiver: &receiver,
        payload_bytes: plan.payload_bytes,
    };
    let delivered = deliver(plan, queue, hang_every.is_some()).await;
    environment.delete().await?;
    delivered
}

/// Delivers a full queue. The rate is that of the webhooks to destinations that never hang, also if none hangs in this
/// run.
async fn deliver(
    plan: &DestinationsPlan,
    queue: DeliveryQueue<'_>,
    some_hang: bool,
) -> anyhow::Result<GoodDeliveries> {
    let users = TestUsers::create(&queue.environment.scratch.database).await?;
    let accepted = queue.fill(&users, plan.count).await?.len() as u64;
    let good = plan.good();
    let expected = if some_hang { good } else { accepted };
    let delivered = queue.drain(&users, expected).await?;
    let missing = expected.saturating_sub(delivered.rows.count);
    let ledger = &delivered.ledger;
    Ok(GoodDeliveries {
        accepted,
        expected,
        arrived: ledger.times.len() as u64,
        recorded: delivered.rows.count,
        repeated: ledger.repeated,
        delivered_per_second: delivered.rate_since(good.saturating_sub(missing), ledger.first),
        worker_peak_mib: delivered.used.get("worker").map(|used| used.peak_mib),
    })
}
