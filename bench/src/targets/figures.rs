use std::collections::BTreeMap;

use serde::Serialize;

use crate::figure::median;
use crate::limits::Limits;
use crate::pipeline::Report;

/// What one round has measured. Rates are notifications a second.
#[derive(Clone, Debug, Serialize)]
pub struct Round {
    /// The parts alone.
    pub limits: Limits,
    /// Accepted with the worker stopped.
    pub accepted: f64,
    /// Recorded from a full queue.
    pub drained: f64,
    /// Everything running, one notification a request.
    pub pipeline: Report,
    /// Everything running, many notifications a request.
    pub batch: Report,
    /// One connection.
    pub alone: Report,
    /// A quarter of the highest rate, come what may.
    pub quarter: Report,
    /// Highest memory of each program after all that.
    pub peak_mib: BTreeMap<String, f64>,
}

/// Shares of an ideal, and other quotients.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ratios {
    /// Accepted a second ÷ its ideal.
    pub accepted: f64,
    /// Recorded a second ÷ the pipeline's ideal.
    pub recorded: f64,
    /// Recorded a second by the batch endpoint ÷ its ideal.
    pub batch: f64,
    /// Drained a second ÷ its ideal.
    pub drain: f64,
    /// POST to 202 with one connection at p50 ÷ one bare confirmed publish at p50.
    pub p50: f64,
    /// CPU of the API and the worker ÷ CPU of RabbitMQ.
    pub cpu: f64,
}

impl Round {
    /// Its ratios.
    #[must_use]
    pub fn ratios(&self) -> Ratios {
        let limits = &self.limits;
        let cpu = |name: &str| {
            let used = self.pipeline.processes.get(name);
            used.map_or(f64::NAN, |used| used.cpu_seconds_per_1000)
        };
        Ratios {
            accepted: self.accepted / limits.accepting().unwrap_or(f64::NAN),
            recorded: self.pipeline.recorded_per_second / limits.recording().unwrap_or(f64::NAN),
            batch: self.batch.recorded_per_second / limits.batches(),
            drain: self.drained / limits.draining(),
            p50: self.alone.accepted_ms.map_or(f64::NAN, |ms| ms.p50) / limits.publish_p50_ms,
            cpu: (cpu("api") + cpu("worker")) / cpu("rabbitmq"),
        }
    }
}

/// All rounds together.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Medians over the rounds.
    pub ratios: Ratios,
    /// POST to `processed_at` at p99 at a quarter of the highest rate: the median over the rounds.
    pub p99_processed_ms: f64,
    /// The highest memory of each program in any round.
    pub peak_mib: BTreeMap<String, f64>,
    /// The parts alone, in the last round.
    pub limits: Limits,
    /// Everything running, in the last round.
    pub pipeline: Report,
    /// Each round.
    pub rounds: Vec<Round>,
}

impl Figures {
    /// Of at least one round.
    #[must_use]
    pub fn of(rounds: Vec<Round>) -> Option<Self> {
        let last = rounds.last()?;
        let median_of =
            |ratio: fn(&Ratios) -> f64| median(rounds.iter().map(|round| ratio(&round.ratios())));
        let ratios = Ratios {
            accepted: median_of(|ratios| ratios.accepted),
            recorded: median_of(|ratios| ratios.recorded),
            batch: median_of(|ratios| ratios.batch),
            drain: median_of(|ratios| ratios.drain),
            p50: median_of(|ratios| ratios.p50),
            cpu: median_of(|ratios| ratios.cpu),
        };
        let p99 = |round: &Round| round.quarter.processed_ms.map_or(f64::NAN, |ms| ms.p99);
        let mut peak_mib = BTreeMap::new();
        for (name, peak) in rounds.iter().flat_map(|round| &round.peak_mib) {
            let highest: &mut f64 = peak_mib.entry(name.clone()).or_default();
            *highest = highest.max(*peak);
        }
        Some(Self {
            ratios,
            p99_processed_ms: median(rounds.iter().map(p99)),
            peak_mib,
            limits: last.limits,
            pipeline: last.pipeline.clone(),
            rounds,
        })
    }

    /// The table of targets: what, the bound, what was measured, and whether it is met.
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        let peak = |name: &str| self.peak_mib.get(name).copied().unwrap_or(f64::NAN);
        let Ratios {
            accepted,
            recorded,
            batch,
            drain,
            p50,
            cpu,
        } = self.ratios;
        vec![
            Target::at_least("accepted a second ÷ its ideal", 0.8, accepted),
            Target::at_least("recorded a second ÷ the pipeline's ideal", 0.8, recorded),
            Target::at_least("recorded by the batch endpoint ÷ its ideal", 0.8, batch),
            Target::at_least("draining a full queue ÷ its ideal", 0.8, drain),
            Target::at_most("POST → 202 at p50 ÷ one bare confirmed publish", 1.5, p50),
            Target::at_most(
                "POST → processed_at at p99, ms",
                50.0,
                self.p99_processed_ms,
            ),
            Target::at_most("CPU of api + worker ÷ CPU of RabbitMQ", 0.5, cpu),
            Target::at_most("peak memory of api, MiB", 64.0, peak("api")),
            Target::at_most("peak memory of worker, MiB", 64.0, peak("worker")),
        ]
    }
}

/// A bound, and what was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// What.
    pub what: &'static str,
    /// The bound.
    pub bound: f64,
    /// Whether the bound is the least that will do, not the most.
    pub least: bool,
    /// What was measured.
    pub measured: f64,
}

impl Target {
    const fn at_least(what: &'static str, bound: f64, measured: f64) -> Self {
        Self {
            what,
            bound,
            least: true,
            measured,
        }
    }

    const fn at_most(what: &'static str, bound: f64, measured: f64) -> Self {
        Self {
            what,
            bound,
            least: false,
            measured,
        }
    }

    /// Whether it is met. What could not be measured is not.
    #[must_use]
    pub fn is_met(&self) -> bool {
        if self.least {
            self.measured >= self.bound
        } else {
            self.measured <= self.bound
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_meets_no_target() {
        assert!(Target::at_least("a", 0.8, 0.8).is_met());
        assert!(!Target::at_least("a", 0.8, 0.79).is_met());
        assert!(Target::at_most("a", 1.5, 1.5).is_met());
        assert!(!Target::at_most("a", 1.5, 1.6).is_met());
        assert!(!Target::at_least("a", 0.8, f64::NAN).is_met());
        assert!(!Target::at_most("a", 0.8, f64::NAN).is_met());
    }
}
