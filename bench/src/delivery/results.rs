//! The results of the rounds, their medians, and the targets that they must meet.

use std::collections::BTreeMap;

use serde::Serialize;

use super::arrivals::LedgerDifferences;
use super::parts::DeliveryParts;
use super::receiver::MeasuredChannel;
use super::transactions::IdleTransactions;
use crate::latency::Summary;
use crate::pipeline::UsagePerThousand;
use crate::statistics::median;
use crate::targets::PerformanceTarget;

/// The deliveries of one phase.
#[derive(Clone, Debug, Serialize)]
pub struct DeliveryReport {
    /// Accepted notifications.
    pub count: u64,
    /// Different messages that arrived at the receiver.
    pub arrived: u64,
    /// Rows that are recorded as delivered.
    pub recorded: u64,
    /// What differs between the accepted notifications and the receiver's ledger.
    #[serde(flatten)]
    pub differences: LedgerDifferences,
    /// Messages delivered and recorded per second.
    pub delivered_per_second: f64,
    /// Transactions in the database for each message, without those of an idle system.
    pub transactions_each: f64,
    /// CPU and memory of each process, by name. `bench` is this program, with the receiver.
    pub processes: BTreeMap<String, UsagePerThousand>,
}

/// Load and delivery at once.
#[derive(Clone, Debug, Serialize)]
pub struct LoadReport {
    /// Notifications accepted per second.
    pub accepted_per_second: f64,
    /// Their deliveries, from the first POST to the last recorded row.
    #[serde(flatten)]
    pub delivery: DeliveryReport,
}

/// The results of one round.
#[derive(Clone, Debug, Serialize)]
pub struct DeliveryRound {
    /// What the parts can do alone.
    pub parts: DeliveryParts,
    /// The rate that the parts together could reach.
    pub ideal: f64,
    /// Delivering a full queue, from the first arrival to the last recorded row.
    pub full_queue: DeliveryReport,
    /// Load and delivery at once.
    pub load: LoadReport,
    /// From POST to the arrival at the receiver, in a quiet system, in milliseconds.
    pub quiet_ms: Option<Summary>,
}

/// The results of all rounds.
#[derive(Clone, Debug, Serialize)]
pub struct DeliveryResults {
    /// The channel.
    pub channel: MeasuredChannel,
    /// Destinations.
    pub destinations: u32,
    /// Maximum number of sends at once.
    pub concurrency: u16,
    /// Transactions of programs that deliver nothing.
    pub idle_transactions: IdleTransactions,
    /// Medians over the rounds.
    pub medians: DeliveryMedians,
    /// The highest peak memory of each program in any round.
    pub peak_mib: BTreeMap<String, f64>,
    /// Lost, repeated and foreign messages and missing rows, in all rounds.
    pub wrong: u64,
    /// The results of each round.
    pub rounds: Vec<DeliveryRound>,
}

/// Medians over the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DeliveryMedians {
    /// Deliveries per second from a full queue.
    pub full_queue: f64,
    /// Deliveries per second from a full queue ÷ the ideal.
    pub full_queue_to_ideal: f64,
    /// Deliveries per second during the load.
    pub load: f64,
    /// From POST to the arrival in a quiet system at p50, in milliseconds.
    pub quiet_p50_ms: f64,
    /// The same at p99.
    pub quiet_p99_ms: f64,
    /// Transactions for each message from a full queue.
    pub full_queue_transactions: f64,
    /// Transactions for each message during the load, those of the intake included.
    pub load_transactions: f64,
}

impl DeliveryReport {
    /// Lost, repeated and foreign messages and missing rows.
    const fn wrong(&self) -> u64 {
        self.differences.sum() + self.count.abs_diff(self.recorded)
    }
}

impl DeliveryMedians {
    fn of(rounds: &[DeliveryRound]) -> Self {
        let median_of = |value: fn(&DeliveryRound) -> f64| median(rounds.iter().map(value));
        let quiet = |round: &DeliveryRound, at: fn(&Summary) -> f64| {
            round.quiet_ms.as_ref().map_or(f64::NAN, at)
        };
        Self {
            full_queue: median_of(|round| round.full_queue.delivered_per_second),
            full_queue_to_ideal: median_of(|round| {
                round.full_queue.delivered_per_second / round.ideal
            }),
            load: median_of(|round| round.load.delivery.delivered_per_second),
            quiet_p50_ms: median(rounds.iter().map(|round| quiet(round, |ms| ms.p50))),
            quiet_p99_ms: median(rounds.iter().map(|round| quiet(round, |ms| ms.p99))),
            full_queue_transactions: median_of(|round| round.full_queue.transactions_each),
            load_transactions: median_of(|round| round.load.delivery.transactions_each),
        }
    }
}

impl DeliveryResults {
    /// Combines the rounds.
    #[must_use]
    pub fn of(
        channel: MeasuredChannel,
        destinations: u32,
        concurrency: u16,
        idle_transactions: IdleTransactions,
        rounds: Vec<DeliveryRound>,
    ) -> Self {
        let mut peak_mib = BTreeMap::new();
        let mut wrong = 0;
        for report in rounds
            .iter()
            .flat_map(|round| [&round.full_queue, &round.load.delivery])
        {
            wrong += report.wrong();
            for (name, used) in &report.processes {
                let highest: &mut f64 = peak_mib.entry(name.clone()).or_default();
                *highest = highest.max(used.peak_mib);
            }
        }
        Self {
            channel,
            destinations,
            concurrency,
            idle_transactions,
            medians: DeliveryMedians::of(&rounds),
            peak_mib,
            wrong,
            rounds,
        }
    }

    /// The targets with the measured values.
    #[must_use]
    pub fn targets(&self) -> Vec<PerformanceTarget> {
        let peak = |name: &str| self.peak_mib.get(name).copied().unwrap_or(f64::NAN);
        let medians = self.medians;
        #[expect(clippy::cast_precision_loss, reason = "a number to print")]
        let wrong = self.wrong as f64;
        let at_least = PerformanceTarget::at_least;
        let at_most = PerformanceTarget::at_most;
        let mut targets = Vec::new();
        if self.channel == MeasuredChannel::Webhook {
            targets.extend([
                at_least(
                    "delivered a second from a full queue",
                    4000.0,
                    medians.full_queue,
                ),
                at_least(
                    "delivered a second, load and delivery at once",
                    2800.0,
                    medians.load,
                ),
                at_most(
                    "POST → receiver at p50, quiet, ms",
                    5.0,
                    medians.quiet_p50_ms,
                ),
                at_most(
                    "POST → receiver at p99, quiet, ms",
                    12.0,
                    medians.quiet_p99_ms,
                ),
            ]);
        }
        targets.extend([
            at_least(
                "delivered from a full queue ÷ its ideal",
                0.6,
                medians.full_queue_to_ideal,
            ),
            at_most(
                "transactions a message, load and delivery at once",
                0.2,
                medians.load_transactions,
            ),
            at_most(
                "transactions a message from a full queue",
                0.2,
                medians.full_queue_transactions,
            ),
            at_most("lost, repeated, foreign or unrecorded messages", 0.0, wrong),
            at_most("peak memory of api, MiB", 64.0, peak("api")),
            at_most("peak memory of worker, MiB", 64.0, peak("worker")),
        ]);
        targets
    }
}
