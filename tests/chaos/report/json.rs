use std::collections::BTreeMap;

use serde::Serialize;

use super::{Report, rounded};

/// The file of `--json`.
#[derive(Debug, Serialize)]
struct Json {
    seed: u64,
    minutes: u64,
    faults: BTreeMap<String, u32>,
    accepted: Option<usize>,
    recorded: Option<usize>,
    lost: Option<usize>,
    doubled: Option<usize>,
    foreign: Option<usize>,
    dead_letters: Option<usize>,
    refused: Option<u64>,
    longest_gap_s: Option<f64>,
    seconds_to_heal: Option<f64>,
    unanswered: Option<u64>,
    unsettled: Option<usize>,
    undelivered: Option<usize>,
    too_many_copies: Option<usize>,
    outcome_unknown: Option<usize>,
    failed_messages: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    longest_gap_after_leader_s: Option<f64>,
    memory_mib: BTreeMap<String, u64>,
    failures: Vec<String>,
}

impl Report {
    /// Returns the report as JSON.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let found = self.findings.as_ref();
        let faults = self
            .injected
            .faults
            .iter()
            .map(|(kind, n)| (kind.name(), *n));
        let memory = self.memory.iter();
        let json = Json {
            seed: self.seed,
            minutes: self.minutes,
            faults: faults.collect(),
            accepted: found.map(|found| found.accepted),
            recorded: found.map(|found| found.recorded),
            lost: found.map(|found| found.lost),
            doubled: found.map(|found| found.doubled),
            foreign: found.map(|found| found.foreign),
            dead_letters: self.dead_letters,
            refused: self.counts.map(|counts| counts.refused),
            longest_gap_s: self.longest_gap.map(rounded),
            seconds_to_heal: self.seconds_to_heal,
            unanswered: self.counts.map(|counts| counts.unanswered),
            unsettled: found.map(|found| found.unsettled),
            undelivered: found.map(|found| found.undelivered),
            too_many_copies: found.map(|found| found.too_many_copies),
            outcome_unknown: found.map(|found| found.outcome_unknown.len()),
            failed_messages: self.failed_messages,
            longest_gap_after_leader_s: self.injected.gap_after_leader.map(rounded),
            memory_mib: memory
                .map(|memory| (memory.component.to_string(), memory.now >> 20))
                .collect(),
            failures: self.failures(),
        };
        serde_json::to_string_pretty(&json)
    }
}
