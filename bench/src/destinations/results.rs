//! The results of the rounds, and the targets that they must meet.

use serde::Serialize;

use super::DestinationsPlan;
use crate::statistics::median;
use crate::targets::PerformanceTarget;

/// The webhooks of one run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct GoodDeliveries {
    /// Accepted webhooks, to all destinations.
    pub accepted: u64,
    /// Webhooks to destinations that answer in this run.
    pub expected: u64,
    /// Different messages that arrived.
    pub arrived: u64,
    /// Rows that are recorded as delivered.
    pub recorded: u64,
    /// Arrivals of messages that had arrived before.
    pub repeated: u64,
    /// Webhooks per second to the destinations that hang in no run, from the first arrival of all to the last recorded
    /// row.
    pub delivered_per_second: f64,
    /// Peak memory of the worker.
    pub worker_peak_mib: Option<f64>,
}

/// The two runs of a round.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct DestinationsRound {
    /// All destinations answer.
    pub none_hangs: GoodDeliveries,
    /// Some destinations never answer.
    pub some_hang: GoodDeliveries,
}

/// The results of all rounds.
#[derive(Clone, Debug, Serialize)]
pub struct DestinationsResults {
    /// Destinations.
    pub destinations: u32,
    /// Destinations that hang.
    pub hanging: u32,
    /// The rate while some destinations hang ÷ the rate while none hangs: the median over the rounds.
    pub kept: f64,
    /// Webhooks to destinations that answer which did not arrive, arrived again or are not recorded.
    pub wrong: u64,
    /// The results of each round.
    pub rounds: Vec<DestinationsRound>,
}

impl GoodDeliveries {
    const fn wrong(&self) -> u64 {
        self.expected.abs_diff(self.arrived) + self.expected.abs_diff(self.recorded) + self.repeated
    }
}

impl DestinationsRound {
    fn kept(&self) -> f64 {
        self.some_hang.delivered_per_second / self.none_hangs.delivered_per_second
    }
}

impl DestinationsResults {
    /// Combines the rounds.
    #[must_use]
    pub(super) fn of(plan: &DestinationsPlan, rounds: Vec<DestinationsRound>) -> Self {
        let runs = rounds.iter();
        let runs = runs.flat_map(|round| [round.none_hangs, round.some_hang]);
        Self {
            destinations: plan.destinations,
            hanging: plan.destinations.div_ceil(plan.hang_every),
            kept: median(rounds.iter().map(DestinationsRound::kept)),
            wrong: runs.map(|run| run.wrong()).sum(),
            rounds,
        }
    }

    /// The targets with the measured values.
    #[must_use]
    pub fn targets(&self) -> Vec<PerformanceTarget> {
        #[expect(clippy::cast_precision_loss, reason = "a number to print")]
        let wrong = self.wrong as f64;
        vec![
            PerformanceTarget::at_least(
                "delivered a second beside hanging destinations ÷ without",
                0.8,
                self.kept,
            ),
            PerformanceTarget::at_most("lost, repeated or unrecorded webhooks", 0.0, wrong),
        ]
    }
}
