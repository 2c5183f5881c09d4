//! The results of the rounds, their medians, and the targets that they must meet.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::limits::Limits;
use crate::pipeline::PipelineReport;
use crate::statistics::median;
use crate::targets::PerformanceTarget;

/// The results of one round. Rates are notifications per second.
#[derive(Clone, Debug, Serialize)]
pub struct Round {
    /// The limits of the parts.
    pub limits: Limits,
    /// Rate of accepting while the worker is stopped.
    pub accepted: f64,
    /// Rate of recording from a full queue.
    pub drained: f64,
    /// The whole pipeline, one notification per request.
    pub pipeline: PipelineReport,
    /// The whole pipeline, with batch requests.
    pub batch: PipelineReport,
    /// The whole pipeline, with one connection.
    pub alone: PipelineReport,
    /// The whole pipeline, at a quarter of the highest rate (open loop).
    pub quarter: PipelineReport,
    /// Peak memory of each program.
    pub peak_mib: BTreeMap<String, f64>,
}

/// The ratios that the targets are about.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ratios {
    /// Rate of accepting ÷ its ideal.
    pub accepted: f64,
    /// Rate of recording ÷ the ideal of the pipeline.
    pub recorded: f64,
    /// Rate of recording from the batch endpoint ÷ its ideal.
    pub batch: f64,
    /// Rate of draining ÷ its ideal.
    pub drain: f64,
    /// POST → 202 with one connection at p50 ÷ one bare confirmed publish at p50.
    pub p50: f64,
    /// CPU of the API and the worker ÷ CPU of RabbitMQ.
    pub cpu: f64,
}

impl Round {
    /// The ratios of this round.
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

/// The results of all rounds.
#[derive(Clone, Debug, Serialize)]
pub struct TargetResults {
    /// Medians of the ratios over the rounds.
    pub ratios: Ratios,
    /// POST → `processed_at` at p99, at a quarter of the highest rate: the median over the rounds.
    pub p99_processed_ms: f64,
    /// The highest peak memory of each program in any round.
    pub peak_mib: BTreeMap<String, f64>,
    /// The limits of the parts in the last round.
    pub limits: Limits,
    /// The whole pipeline in the last round.
    pub pipeline: PipelineReport,
    /// The results of each round.
    pub rounds: Vec<Round>,
}

impl TargetResults {
    /// Combines the rounds. Returns `None` if there are no rounds.
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

    /// The targets with the measured values.
    #[must_use]
    pub fn targets(&self) -> Vec<PerformanceTarget> {
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
            PerformanceTarget::at_least("accepted a second ÷ its ideal", 0.75, accepted),
            PerformanceTarget::at_least(
                "recorded a second ÷ the ideal of the pipeline",
                0.75,
                recorded,
            ),
            PerformanceTarget::at_least("recorded by the batch endpoint ÷ its ideal", 1.0, batch),
            PerformanceTarget::at_least("draining a full queue ÷ its ideal", 0.9, drain),
            PerformanceTarget::at_most("POST → 202 at p50 ÷ one bare confirmed publish", 1.6, p50),
            PerformanceTarget::at_most(
                "POST → processed_at at p99, ms",
                50.0,
                self.p99_processed_ms,
            ),
            PerformanceTarget::at_most("CPU of api + worker ÷ CPU of RabbitMQ", 0.75, cpu),
            PerformanceTarget::at_most("peak memory of api, MiB", 64.0, peak("api")),
            PerformanceTarget::at_most("peak memory of worker, MiB", 64.0, peak("worker")),
        ]
    }
}
