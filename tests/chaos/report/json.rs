use std::collections::BTreeMap;
use std::time::Duration;

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
    scheduled: Option<usize>,
    cancelled: Option<usize>,
    cancels_never_sent: Option<usize>,
    cancels_maybe_sent: Option<usize>,
    cancels_too_late: Option<usize>,
    cancelled_by_group: Option<u64>,
    expired: Option<usize>,
    expired_unaccepted: Option<u64>,
    suppressed: Option<usize>,
    held: Option<usize>,
    held_and_sent: Option<usize>,
    in_inboxes: Option<usize>,
    streams: Option<u64>,
    streams_resumed: Option<u64>,
    streams_reset: Option<u64>,
    wrong_ends: Option<usize>,
    sent_after_cancel: Option<usize>,
    sent_early: Option<usize>,
    sent_after_expiry: Option<usize>,
    sent_after_opt_out: Option<usize>,
    sent_in_quiet: Option<usize>,
    held_wrongly: Option<usize>,
    sent_without_attempt: Option<usize>,
    unseen: Option<usize>,
    shown_wrongly: Option<usize>,
    shown_after_expiry: Option<usize>,
    marked_wrongly: Option<usize>,
    wrong_counts: Option<usize>,
    late: Option<usize>,
    latest_s: Option<f64>,
    schedulers_killed_during_release: u32,
    dead_letters: Option<usize>,
    refused: Option<u64>,
    longest_gap_s: Option<f64>,
    longest_gap_by_hurt_s: BTreeMap<String, f64>,
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
        let gaps = self.gaps.iter().flatten();
        let cancels = found.map(|found| found.cancels);
        let latest = found.map(|found| Duration::try_from(found.latest).unwrap_or_default());
        let json = Json {
            seed: self.seed,
            minutes: self.minutes,
            faults: faults.collect(),
            accepted: found.map(|found| found.accepted),
            recorded: found.map(|found| found.recorded),
            lost: found.map(|found| found.lost),
            doubled: found.map(|found| found.doubled),
            foreign: found.map(|found| found.foreign),
            scheduled: found.map(|found| found.scheduled),
            cancelled: found.map(|found| found.cancelled),
            cancels_never_sent: cancels.map(|cancels| cancels.cancelled + cancels.cancelling),
            cancels_maybe_sent: cancels.map(|cancels| cancels.maybe_sent),
            cancels_too_late: cancels.map(|cancels| cancels.too_late),
            cancelled_by_group: cancels.map(|cancels| cancels.by_group),
            expired: found.map(|found| found.expired),
            expired_unaccepted: self.counts.map(|counts| counts.expired),
            suppressed: found.map(|found| found.suppressed),
            held: found.map(|found| found.held),
            held_and_sent: found.map(|found| found.held_and_sent),
            in_inboxes: found.map(|found| found.in_inboxes),
            streams: self.readers.map(|readers| readers.streams),
            streams_resumed: self.readers.map(|readers| readers.resumed),
            streams_reset: self.readers.map(|readers| readers.resets),
            wrong_ends: found.map(|found| found.wrong_ends),
            sent_after_cancel: found.map(|found| found.sent_after_cancel),
            sent_early: found.map(|found| found.sent_early),
            sent_after_expiry: found.map(|found| found.sent_after_expiry),
            sent_after_opt_out: found.map(|found| found.sent_after_opt_out),
            sent_in_quiet: found.map(|found| found.sent_in_quiet),
            held_wrongly: found.map(|found| found.held_wrongly),
            sent_without_attempt: found.map(|found| found.sent_without_attempt),
            unseen: found.map(|found| found.unseen),
            shown_wrongly: found.map(|found| found.shown_wrongly),
            shown_after_expiry: found.map(|found| found.shown_after_expiry),
            marked_wrongly: found.map(|found| found.marked_wrongly),
            wrong_counts: self.readers.and_then(|readers| readers.wrong_counts),
            late: found.map(|found| found.late),
            latest_s: latest.map(rounded),
            schedulers_killed_during_release: self.injected.killed_during_release,
            dead_letters: self.dead_letters,
            refused: self.counts.map(|counts| counts.refused),
            longest_gap_s: self.longest_gap().map(rounded),
            longest_gap_by_hurt_s: gaps
                .map(|(hurt, gap)| (hurt.clone(), rounded(*gap)))
                .collect(),
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
