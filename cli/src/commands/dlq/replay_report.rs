//! Counts and reports the results of a replay.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidings_broker::DeadLetter;
use tidings_domain::notification::MessageId;

use super::replay_action::{ReplayAction, SkipReason};
use super::summary::{shown_id, summary};
use crate::output::{CommandOutput, Text, count, printable};

/// Ids to print for each reason.
const MAX_IDS: usize = 10;

/// The results for the selected dead letters; in a dry run, the expected results.
#[derive(Default)]
pub struct ReplayReport {
    /// Number of dead letters that were published to their queues.
    pub replayed: usize,
    finished: usize,
    /// Ids of the replayed messages that may have arrived before.
    may_arrive_twice: Vec<String>,
    left: BTreeMap<SkipReason, Vec<String>>,
    dead_letters: Vec<Value>,
    /// Message ids of the notifications that were replayed from their rows.
    rows: Vec<String>,
}

impl ReplayReport {
    /// Records the result for a dead letter.
    pub fn record(&mut self, dead_letter: &DeadLetter, action: ReplayAction) {
        let mut result = summary(dead_letter);
        match action {
            ReplayAction::Replay { .. } => {
                self.replayed += 1;
                result["outcome"] = "replayed".into();
            }
            ReplayAction::Remove(status) => {
                self.finished += 1;
                result["outcome"] = "already_processed".into();
                result["status"] = status.as_str().into();
            }
            ReplayAction::Keep(reason) => {
                self.left
                    .entry(reason)
                    .or_default()
                    .push(shown_name(dead_letter));
                result["outcome"] = "left".into();
                result["skippedReason"] = json!(reason);
            }
        }
        self.dead_letters.push(result);
    }

    /// Records that the message of a dead letter may have arrived before.
    pub fn record_may_have_arrived(&mut self, dead_letter: &DeadLetter, action: ReplayAction) {
        if let ReplayAction::Replay { .. } = action {
            self.may_arrive_twice.push(shown_name(dead_letter));
        }
    }

    /// Records the notifications that were replayed from their rows.
    pub fn record_rows(&mut self, ids: &[MessageId]) {
        self.rows.extend(ids.iter().map(ToString::to_string));
    }

    /// Number of selected dead letters and rows.
    pub const fn selected(&self) -> usize {
        self.dead_letters.len() + self.rows.len()
    }

    /// The report. The exit code is 1 if a dead letter could not be replayed.
    pub fn report(self, dry_run: bool, waiting: u32, queue: &str) -> anyhow::Result<CommandOutput> {
        let success = self.left.is_empty();
        let text = self.text(dry_run, waiting, queue);
        let left: usize = self.left.values().map(Vec::len).sum();
        let json = json!({
            "queue": queue,
            "total": waiting,
            "selected": self.dead_letters.len(),
            "replayed": self.replayed,
            "mayArriveTwice": self.may_arrive_twice,
            "alreadyProcessed": self.finished,
            "left": left,
            "dryRun": dry_run,
            "deadLetters": self.dead_letters,
            "replayedRows": self.rows,
        });
        Ok(CommandOutput::new(text, json)?.success_if(success))
    }

    fn text(&self, dry_run: bool, waiting: u32, queue: &str) -> Text {
        if self.selected() == 0 {
            return format!("None of the {waiting} dead letters in {queue} is selected.\n").into();
        }
        let (replayed, removed) = if dry_run {
            ("Would replay", "Would remove")
        } else {
            ("Replayed", "Removed")
        };
        let dead_letters = count(self.replayed, "dead letter");
        let mut text = Text::default();
        text.line(format_args!(
            "{replayed} {dead_letters} of {waiting} in {queue}."
        ));
        if !self.may_arrive_twice.is_empty() {
            text.line(format_args!(
                "{} of them may arrive twice: an earlier attempt has an unknown outcome.",
                self.may_arrive_twice.len()
            ));
            list_ids(&mut text, &self.may_arrive_twice);
        }
        if !self.rows.is_empty() {
            let notifications = count(self.rows.len(), "failed notification");
            text.line(format_args!(
                "{replayed} {notifications} without a dead letter."
            ));
        }
        if self.finished > 0 {
            let dead_letters = count(self.finished, "dead letter");
            text.line(format_args!("{removed} {dead_letters}: already processed."));
        }
        for (reason, ids) in &self.left {
            let dead_letters = count(ids.len(), "dead letter");
            text.line(format_args!("Left {dead_letters}: {}.", reason.advice()));
            list_ids(&mut text, ids);
        }
        text
    }
}

fn shown_name(dead_letter: &DeadLetter) -> String {
    shown_id(dead_letter).unwrap_or_else(|| "a dead letter without a message id".to_owned())
}

fn list_ids(text: &mut Text, ids: &[String]) {
    for id in ids.iter().take(MAX_IDS) {
        text.line(format_args!("  {}", printable(id)));
    }
    if ids.len() > MAX_IDS {
        text.line(format_args!("  and {} more", ids.len() - MAX_IDS));
    }
}
