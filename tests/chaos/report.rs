//! What came of a run: a table for people, JSON for programs, and a verdict.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::clients::Counts;
use crate::demon::Deeds;
use crate::installation::Mib;
use crate::parts::Part;
use crate::verify::Findings;

/// What is known at the end. What a run that was cut short could not find out is `None`.
#[derive(Debug)]
pub struct Report {
    pub seed: u64,
    pub minutes: u64,
    pub deeds: Deeds,
    pub counts: Option<Counts>,
    pub longest_gap: Option<Duration>,
    pub seconds_to_heal: Option<f64>,
    pub findings: Option<Findings>,
    pub dead_letters: Option<u64>,
    pub memory: Vec<MemoryLevel>,
    /// Lines of the workers' logs that say that a message has failed: nothing in a run is a message's
    /// own fault.
    pub failed_messages: usize,
    /// What else must not be.
    pub complaints: Vec<String>,
}

/// A process's memory at the end, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct MemoryLevel {
    pub part: Part,
    /// What its program had before anything happened, under load.
    pub level: u64,
    /// What it had when all was over.
    pub now: u64,
    /// The most that the process ever had.
    pub peak: u64,
    /// What it may have when all is over.
    pub bound: u64,
}

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
    dead_letters: Option<u64>,
    refused: Option<u64>,
    longest_gap_s: Option<f64>,
    seconds_to_heal: Option<f64>,
    unanswered: Option<u64>,
    unsettled: Option<usize>,
    undelivered: Option<usize>,
    failed_messages: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    longest_gap_after_leader_s: Option<f64>,
    memory_mib: BTreeMap<String, u64>,
    failures: Vec<String>,
}

impl Report {
    /// One of a run that has yet to happen.
    pub fn new(seed: u64, minutes: u64) -> Self {
        Self {
            seed,
            minutes,
            deeds: Deeds::default(),
            counts: None,
            longest_gap: None,
            seconds_to_heal: None,
            findings: None,
            dead_letters: None,
            memory: Vec::new(),
            failed_messages: 0,
            complaints: Vec::new(),
        }
    }

    /// Why the run has failed; empty where it has not.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = self.complaints.clone();
        let found = self.findings.as_ref();
        let count = |of: fn(&Findings) -> usize| found.map(of);
        let dead = self.dead_letters.and_then(|n| usize::try_from(n).ok());
        for (what, n) in [
            ("lost", count(|f| f.lost)),
            ("doubled", count(|f| f.doubled)),
            ("foreign", count(|f| f.foreign)),
            ("dead letters", dead),
            ("not settled", count(|f| f.unsettled)),
            ("not delivered", count(|f| f.undelivered)),
        ] {
            match n {
                None => failures.push(format!("{what}: not known")),
                Some(0) => {}
                Some(n) => failures.push(format!("{what}: {n}")),
            }
        }
        if found.is_some_and(|found| found.accepted == 0) {
            failures.push("nothing was accepted".to_owned());
        }
        let too_large = self
            .memory
            .iter()
            .filter(|memory| memory.now > memory.bound);
        failures.extend(too_large.map(|memory| {
            let (now, bound) = (Mib(memory.now), Mib(memory.bound));
            format!("{} has {now} of memory, more than {bound}", memory.part)
        }));
        failures
    }

    /// As JSON.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let found = self.findings.as_ref();
        let faults = self.deeds.faults.iter().map(|(kind, n)| (kind.name(), *n));
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
            failed_messages: self.failed_messages,
            longest_gap_after_leader_s: self.deeds.gap_after_leader.map(rounded),
            memory_mib: memory
                .map(|memory| (memory.part.to_string(), memory.now >> 20))
                .collect(),
            failures: self.failures(),
        };
        serde_json::to_string_pretty(&json)
    }
}

/// In seconds, to the millisecond.
pub fn rounded(time: Duration) -> f64 {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).as_secs_f64()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, {} minutes", self.seed, self.minutes)?;
        for (kind, n) in &self.deeds.faults {
            line(f, &kind.name(), n)?;
        }
        writeln!(f)?;
        if let Some(found) = &self.findings {
            line(f, "accepted", found.accepted)?;
            line(f, "recorded", found.recorded)?;
            let unanswered = format!("of these recorded without a 202: {}", found.unanswered);
            line(f, "", unanswered)?;
            line(f, "lost", found.lost)?;
            line(f, "doubled", found.doubled)?;
            line(f, "foreign", found.foreign)?;
        }
        if let Some(n) = self.dead_letters {
            line(f, "dead letters", n)?;
        }
        if let Some(counts) = &self.counts {
            line(f, "refused with 503", counts.refused)?;
            line(f, "not answered", counts.unanswered)?;
            line(f, "not posted", counts.skipped)?;
        }
        if let Some(gap) = self.longest_gap {
            line(f, "longest time without 202", seconds(gap.as_secs_f64()))?;
        }
        if let Some(gap) = self.deeds.gap_after_leader {
            line(f, "… after a leader's death", seconds(gap.as_secs_f64()))?;
        }
        if let Some(heal) = self.seconds_to_heal {
            line(f, "all settled after", seconds(heal))?;
        }
        line(f, "messages that failed", self.failed_messages)?;
        for memory in &self.memory {
            let (level, now) = (Mib(memory.level), Mib(memory.now));
            let text = format!("{level} before, {now} after, {} at most", Mib(memory.peak));
            line(f, &format!("memory of {}", memory.part), text)?;
        }
        let failures = self.failures();
        if failures.is_empty() {
            return writeln!(f, "\nEvery promise was kept.");
        }
        writeln!(f, "\nFAILED:")?;
        for failure in failures {
            writeln!(f, "- {failure}")?;
        }
        for example in self.findings.iter().flat_map(|found| &found.examples) {
            writeln!(f, "  {example}")?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(f, "  {name:<26}{value}")
}

fn seconds(secs: f64) -> String {
    format!("{secs:.1} s")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::demon::Kind;

    fn good() -> Report {
        Report {
            deeds: Deeds {
                faults: [(Kind::KillWorker, 3)].into(),
                gap_after_leader: None,
            },
            counts: Some(Counts {
                accepted: 12,
                refused: 5,
                unanswered: 2,
                skipped: 0,
            }),
            longest_gap: Some(Duration::from_micros(1_234_567)),
            seconds_to_heal: Some(4.5),
            findings: Some(Findings {
                accepted: 10,
                recorded: 11,
                unanswered: 1,
                ..Findings::default()
            }),
            dead_letters: Some(0),
            memory: vec![MemoryLevel {
                part: Part::Api(0),
                level: 10 << 20,
                now: 20 << 20,
                peak: 30 << 20,
                bound: 47 << 20,
            }],
            ..Report::new(7, 3)
        }
    }

    #[test]
    fn what_must_be_zero_fails_the_run_where_it_is_not() {
        assert_eq!(good().failures(), [""; 0]);
        let spoil: [fn(&mut Findings); 6] = [
            |found| found.lost = 1,
            |found| found.doubled = 1,
            |found| found.foreign = 1,
            |found| found.unsettled = 1,
            |found| found.undelivered = 1,
            |found| found.accepted = 0,
        ];
        for spoil in spoil {
            let mut report = good();
            report.findings.iter_mut().for_each(spoil);
            assert_eq!(report.failures().len(), 1, "{report}");
        }
    }

    #[test]
    fn so_do_dead_letters_memory_and_whatever_was_complained_of() {
        let mut report = good();
        report.dead_letters = Some(2);
        report.memory[0].now = 48 << 20;
        report.complaints = vec!["worker-1 ended by itself".to_owned()];
        assert_eq!(
            report.failures(),
            [
                "worker-1 ended by itself",
                "dead letters: 2",
                "api-1 has 48 MiB of memory, more than 47 MiB",
            ]
        );
    }

    #[test]
    fn what_is_not_known_is_a_failure_and_no_number() {
        let report = Report::new(7, 3);
        assert_eq!(report.failures().len(), 6);
        let json: Value = serde_json::from_str(&report.to_json().expect("JSON")).expect("JSON");
        for member in ["lost", "accepted", "refused", "longest_gap_s"] {
            assert_eq!(json[member], Value::Null, "{member}");
        }
    }

    #[test]
    fn the_json_has_the_members_that_programs_read() {
        let json: Value = serde_json::from_str(&good().to_json().expect("JSON")).expect("JSON");
        for (member, value) in [
            ("seed", serde_json::json!(7)),
            ("minutes", serde_json::json!(3)),
            ("faults", serde_json::json!({"kill_worker": 3})),
            ("accepted", serde_json::json!(10)),
            ("recorded", serde_json::json!(11)),
            ("lost", serde_json::json!(0)),
            ("doubled", serde_json::json!(0)),
            ("foreign", serde_json::json!(0)),
            ("dead_letters", serde_json::json!(0)),
            ("refused", serde_json::json!(5)),
            ("longest_gap_s", serde_json::json!(1.234)),
            ("seconds_to_heal", serde_json::json!(4.5)),
            ("failures", serde_json::json!([])),
        ] {
            assert_eq!(json[member], value, "{member}");
        }
    }
}
