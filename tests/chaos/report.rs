//! The result of a run as a table, as JSON, and as a list of failures.

mod json;

use std::fmt;
use std::time::Duration;

use crate::clients::Counts;
use crate::components::Component;
use crate::gap_causes::GapsByHurt;
use crate::inbox::ReaderSummary;
use crate::injector::{Hurt, InjectedFaults};
use crate::installation::Mib;
use crate::verify::Findings;

/// The result of a run. Values that an aborted run did not determine are `None`.
#[derive(Debug)]
pub struct Report {
    pub seed: u64,
    pub minutes: u64,
    pub injected: InjectedFaults,
    pub counts: Option<Counts>,
    /// The longest times without a 202.
    pub gaps: Option<GapsByHurt>,
    /// How long no 202 may come while only RabbitMQ is hurt.
    pub max_gap: Duration,
    pub seconds_to_heal: Option<f64>,
    pub findings: Option<Findings>,
    pub readers: Option<ReaderSummary>,
    /// Dead letters other than those of notifications whose outcome is rightly unknown.
    pub dead_letters: Option<usize>,
    pub memory: Vec<MemoryLevel>,
    /// Log lines of the workers about failed messages. No message of a run fails by itself.
    pub failed_messages: usize,
    /// Other errors.
    pub errors: Vec<String>,
}

/// The memory of a process at the end, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct MemoryLevel {
    pub component: Component,
    /// Resident memory of the program under load, before the first fault.
    pub level: u64,
    /// Resident memory at the end.
    pub now: u64,
    /// Maximum resident memory of the process.
    pub peak: u64,
    /// Maximum resident memory allowed at the end.
    pub bound: u64,
}

impl Report {
    /// Creates the report of a run that has not started.
    pub fn new(seed: u64, minutes: u64) -> Self {
        Self {
            seed,
            minutes,
            injected: InjectedFaults::default(),
            counts: None,
            gaps: None,
            max_gap: Duration::MAX,
            seconds_to_heal: None,
            findings: None,
            readers: None,
            dead_letters: None,
            memory: Vec::new(),
            failed_messages: 0,
            errors: Vec::new(),
        }
    }

    /// Returns why the run has failed. Empty if it has not.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = self.errors.clone();
        let found = self.findings.as_ref();
        let counts = found.map(Findings::must_be_zero);
        let counts = counts.map(|counts| counts.to_vec());
        let letters = self.dead_letters.map(|n| ("dead notifications", n));
        if counts.is_none() || letters.is_none() {
            failures.push("the ledger was not compared with the rows".to_owned());
        }
        let wrong_counts = self.readers.and_then(|readers| readers.wrong_counts);
        let wrong_counts = wrong_counts.map(|n| ("readers with wrong counts", n));
        let counts = counts
            .into_iter()
            .flatten()
            .chain(letters)
            .chain(wrong_counts);
        let wrong = counts.filter(|(_, n)| *n > 0);
        failures.extend(wrong.map(|(what, n)| format!("{what}: {n}")));
        if let Some(gap) = self.gap_without_rabbitmq()
            && gap > self.max_gap
        {
            let gap = seconds(gap.as_secs_f64());
            failures.push(format!("no 202 for {gap} while only RabbitMQ was hurt"));
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
            format!(
                "{} uses {now} of memory, more than {bound}",
                memory.component
            )
        }));
        failures
    }

    /// Returns the longest time without a 202.
    fn longest_gap(&self) -> Option<Duration> {
        self.gaps.as_ref()?.values().max().copied()
    }

    /// Returns the longest time without a 202 while only RabbitMQ was hurt.
    fn gap_without_rabbitmq(&self) -> Option<Duration> {
        self.gaps
            .as_ref()?
            .get(&Hurt::RabbitMq.to_string())
            .copied()
    }
}

/// Returns seconds, rounded down to a millisecond.
pub fn rounded(time: Duration) -> f64 {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).as_secs_f64()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, {} minutes", self.seed, self.minutes)?;
        for (kind, n) in &self.injected.faults {
            line(f, &kind.name(), n)?;
        }
        writeln!(f)?;
        if let Some(found) = &self.findings {
            line(f, "accepted", found.accepted)?;
            line(f, "of these scheduled", found.scheduled)?;
            line(f, "recorded", found.recorded)?;
            let unanswered = format!("of these without a 202: {}", found.unanswered);
            line(f, "", unanswered)?;
            let cancels = found.cancels;
            line(f, "recorded as cancelled", found.cancelled)?;
            line(
                f,
                "answered: never sent",
                cancels.cancelled + cancels.cancelling,
            )?;
            line(f, "answered: maybe sent", cancels.maybe_sent)?;
            line(f, "answered: too late", cancels.too_late)?;
            line(f, "cancelled by group", cancels.by_group)?;
            line(f, "recorded as expired", found.expired)?;
            line(f, "recorded as suppressed", found.suppressed)?;
            let held = format!(
                "{}, sent {}, more than once {}",
                found.held, found.held_and_sent, found.held_and_repeated
            );
            line(f, "held by quiet hours", held)?;
            line(f, "in inboxes of readers", found.in_inboxes)?;
            for (what, n) in found.must_be_zero() {
                line(f, what, n)?;
            }
            let late = format!(
                "{}, at most {}",
                found.late,
                seconds(found.latest.as_secs_f64())
            );
            line(f, "sent late", late)?;
            line(f, "outcome unknown", found.outcome_unknown.len())?;
        }
        if let Some(n) = self.dead_letters {
            line(f, "dead notifications", n)?;
        }
        if let Some(readers) = &self.readers {
            let streams = format!(
                "{}, streams {}, resumed {}, reset {}",
                readers.readers, readers.streams, readers.resumed, readers.resets
            );
            line(f, "readers", streams)?;
            line(f, "requests that mark as read", readers.marks)?;
            if let Some(n) = readers.wrong_counts {
                line(f, "readers with wrong counts", n)?;
            }
        }
        if let Some(counts) = &self.counts {
            line(f, "refused with 503", counts.refused)?;
            line(f, "not answered", counts.unanswered)?;
            line(f, "not posted", counts.skipped)?;
            line(f, "expired before a 202", counts.expired)?;
        }
        if let Some(gap) = self.longest_gap() {
            line(f, "longest time without 202", seconds(gap.as_secs_f64()))?;
        }
        for (hurt, gap) in self.gaps.iter().flatten() {
            line(f, &format!("… {hurt} hurt"), seconds(gap.as_secs_f64()))?;
        }
        if let Some(gap) = self.injected.gap_after_leader {
            line(f, "… after a leader's death", seconds(gap.as_secs_f64()))?;
        }
        let killed = self.injected.killed_during_release;
        line(f, "schedulers died releasing", killed)?;
        if let Some(heal) = self.seconds_to_heal {
            line(f, "all settled after", seconds(heal))?;
        }
        line(f, "messages that failed", self.failed_messages)?;
        for memory in &self.memory {
            let (level, now) = (Mib(memory.level), Mib(memory.now));
            let text = format!("{level} before, {now} after, {} at most", Mib(memory.peak));
            line(f, &format!("memory of {}", memory.component), text)?;
        }
        let failures = self.failures();
        if failures.is_empty() {
            return writeln!(f, "\nAll promises were kept.");
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
    writeln!(f, "  {name:<32}{value}")
}

fn seconds(secs: f64) -> String {
    format!("{secs:.1} s")
}

#[cfg(test)]
mod tests;
