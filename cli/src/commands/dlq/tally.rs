use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidings_broker::DeadLetter;

use super::letter::{shown_id, summary};
use super::verdict::{Hindrance, Verdict};
use crate::output::{Report, Text, count, printable};

/// How many letters that stay are named to people, a hindrance.
const NAMED: usize = 10;

/// What became of the selected letters, or would have in a dry run.
#[derive(Default)]
pub struct Tally {
    /// How many were published to their own queues.
    pub replayed: usize,
    finished: usize,
    left: BTreeMap<Hindrance, Vec<String>>,
    letters: Vec<Value>,
}

impl Tally {
    /// Notes what became of a letter.
    pub fn note(&mut self, letter: &DeadLetter, verdict: Verdict) {
        let mut told = summary(letter);
        match verdict {
            Verdict::Replay { .. } => {
                self.replayed += 1;
                told["outcome"] = "replayed".into();
            }
            Verdict::Finished(status) => {
                self.finished += 1;
                told["outcome"] = "already_processed".into();
                told["status"] = status.as_str().into();
            }
            Verdict::Left(hindrance) => {
                let id =
                    shown_id(letter).unwrap_or_else(|| "a letter without a message id".to_owned());
                self.left.entry(hindrance).or_default().push(id);
                told["outcome"] = "left".into();
                told["hindrance"] = json!(hindrance);
            }
        }
        self.letters.push(told);
    }

    /// How many letters were selected.
    pub const fn selected(&self) -> usize {
        self.letters.len()
    }

    /// All of it. Not fine where letters stay that should have been replayed.
    pub fn report(self, dry_run: bool, waiting: u32, queue: &str) -> anyhow::Result<Report> {
        let fine = self.left.is_empty();
        let text = self.text(dry_run, waiting, queue);
        let left: usize = self.left.values().map(Vec::len).sum();
        let json = json!({
            "queue": queue,
            "total": waiting,
            "selected": self.selected(),
            "replayed": self.replayed,
            "alreadyProcessed": self.finished,
            "left": left,
            "dryRun": dry_run,
            "deadLetters": self.letters,
        });
        Ok(Report::fine(text, json)?.fine_if(fine))
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
        let letters = count(self.replayed, "dead letter");
        let mut text = Text::default();
        text.line(format_args!(
            "{replayed} {letters} of {waiting} in {queue}."
        ));
        if self.finished > 0 {
            let letters = count(self.finished, "dead letter");
            text.line(format_args!("{removed} {letters}: already processed."));
        }
        for (hindrance, ids) in &self.left {
            let letters = count(ids.len(), "dead letter");
            text.line(format_args!("Left {letters}: {}.", hindrance.advice()));
            for id in ids.iter().take(NAMED) {
                text.line(format_args!("  {}", printable(id)));
            }
            if ids.len() > NAMED {
                text.line(format_args!("  and {} more", ids.len() - NAMED));
            }
        }
        text
    }
}
