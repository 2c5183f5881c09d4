//! How late scheduled notifications are: many that are due at once, and single ones on a quiet system. Also how fast a
//! scheduler releases them, and how many notifications are accepted while RabbitMQ is away.

mod due_at_once;
mod lateness;
mod posting;
mod release;
mod results;
mod singles;
mod without_broker;

use std::time::Duration;

use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;

pub use lateness::LatenessReport;
pub use posting::ScheduledChannel;
pub use results::{ScheduleResults, ScheduleRound};

use crate::delivery::{DeliveryQueue, Receiver};
use crate::environment::{Environment, SystemUnderLoad};
use crate::programs::RunningProgram;
use crate::test_users::TestUsers;
use due_at_once::DueAtOnceReport;
use posting::Posting;
use release::ReleaseReport;

/// Destinations of the webhooks, and how many are sent at once, as in the measurement of deliveries.
const DESTINATIONS: u32 = 2;
const CONCURRENCY: u16 = 64;

/// The stages of a worker that does everything.
const ALL_STAGES: &str = "intake,scheduler,webhook";

/// What to measure.
#[derive(Clone, Debug)]
pub struct SchedulePlan {
    /// The only channel; `None`: half in-app notifications, half webhooks.
    pub channel: Option<ScheduledChannel>,
    /// Number of rounds.
    pub rounds: usize,
    /// Notifications that are due at once, and for each other phase of a round but the single ones.
    pub count: u64,
    /// Single notifications, one at a time.
    pub singles: u32,
    /// How long before they are due the notifications are posted.
    pub ahead: Duration,
    /// The programs and their load.
    pub system: SystemUnderLoad,
}

/// Runs the rounds. Each has new databases and queues, with RabbitMQ and without, and deletes them.
///
/// # Errors
///
/// Returns an error if a server or a program fails.
pub async fn measure(
    plan: &SchedulePlan,
    broker: &BrokerSettings,
    database: &DatabaseSettings,
) -> anyhow::Result<ScheduleResults> {
    let receiver = Receiver::webhooks(DESTINATIONS, None).await?;
    let mut rounds = Vec::new();
    for nth in 1..=plan.rounds {
        eprintln!("Round {nth} of {}", plan.rounds);
        let mut environment = Environment::create(broker, database).await?;
        environment.set(receiver.settings(CONCURRENCY));
        let phases = Phases::of(plan, &environment, &receiver);
        let measured = phases.with_broker().await;
        environment.delete().await?;
        let (single, due_at_once, release) = measured?;

        let mut environment = Environment::create(broker, database).await?;
        environment.set(receiver.settings(CONCURRENCY));
        let measured = without_broker::measure(plan, &mut environment, &receiver).await;
        environment.delete().await?;
        rounds.push(ScheduleRound {
            due_at_once,
            single,
            release,
            without_broker: measured?,
        });
    }
    Ok(ScheduleResults::of(plan, rounds))
}

/// What the phases of a round use.
struct Phases<'a> {
    plan: &'a SchedulePlan,
    queue: DeliveryQueue<'a>,
}

impl<'a> Phases<'a> {
    fn of(plan: &'a SchedulePlan, environment: &'a Environment, receiver: &'a Receiver) -> Self {
        let queue = DeliveryQueue {
            environment,
            programs: &plan.system.programs,
            receiver,
            payload_bytes: plan.system.payload_bytes,
        };
        Self { plan, queue }
    }

    /// Measures single notifications, many that are due at once, and a scheduler alone.
    async fn with_broker(
        &self,
    ) -> anyhow::Result<(LatenessReport, DueAtOnceReport, ReleaseReport)> {
        let api = self.queue.api().await?;
        let worker = self.queue.worker_of(ALL_STAGES).await?;
        let single = self.singles(&api).await?;
        let due_at_once = self.due_at_once(&api).await?;
        worker.stop().await?;
        let release = self.release(&api).await?;
        api.stop().await?;
        Ok((single, due_at_once, release))
    }

    /// Posts to `api`, notifications of `channels` in equal parts.
    fn posting<'p>(
        &'p self,
        api: &RunningProgram,
        users: &'p TestUsers,
        channels: &'p [ScheduledChannel],
    ) -> Posting<'p> {
        Posting {
            queue: self.queue,
            installation: self.queue.installation(api),
            users,
            channels,
            connections: self.plan.system.connections,
        }
    }

    async fn users(&self) -> anyhow::Result<TestUsers> {
        Ok(TestUsers::create(&self.queue.environment.scratch.database).await?)
    }
}

impl SchedulePlan {
    fn channels(&self) -> &[ScheduledChannel] {
        match self.channel {
            None => &[ScheduledChannel::InApp, ScheduledChannel::Webhook],
            Some(ScheduledChannel::InApp) => &[ScheduledChannel::InApp],
            Some(ScheduledChannel::Webhook) => &[ScheduledChannel::Webhook],
        }
    }
}
