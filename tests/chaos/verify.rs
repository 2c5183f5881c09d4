//! Compares the ledger with the rows.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::ledger::{Fingerprint, LedgerEntry};
use crate::receivers::Receivers;

/// Maximum number of examples of one kind of finding.
const EXAMPLES: usize = 10;

/// A row of `notifications`.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: Uuid,
    pub body: Fingerprint,
    pub status: String,
    /// Whether a provider delivers the notification.
    pub has_provider: bool,
    /// Whether it is `failed` because its outcome is unknown.
    pub outcome_unknown: bool,
    /// How many copies may arrive at one address.
    pub max_copies: u32,
}

/// The content of the ledger, in a compact form.
#[derive(Default)]
pub struct LedgerSummary {
    /// Every body that was posted. Each key and each attempt without a key has its own body.
    attempted: HashSet<Fingerprint>,
    /// The body of each message id that was answered with 202.
    accepted: HashMap<Uuid, Fingerprint>,
    /// Message ids that were returned for more than one body: all but one of these bodies are lost.
    ambiguous: Vec<(Uuid, Fingerprint)>,
}

impl LedgerSummary {
    /// Reads the entries of a ledger.
    pub fn read(
        entries: impl Iterator<Item = anyhow::Result<LedgerEntry>>,
    ) -> anyhow::Result<Self> {
        let mut ledger = Self::default();
        for entry in entries {
            match entry? {
                LedgerEntry::Attempt { body, .. } => {
                    ledger.attempted.insert(body);
                }
                LedgerEntry::Accepted { body, id, .. } => match ledger.accepted.insert(id, body) {
                    Some(other) if other != body => ledger.ambiguous.push((id, other)),
                    _ => {}
                },
            }
        }
        Ok(ledger)
    }

    /// Returns the number of message ids that were answered with 202.
    pub fn accepted(&self) -> usize {
        self.accepted.len()
    }
}

/// The result of the comparison.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Message ids that were answered with 202.
    pub accepted: usize,
    /// Rows.
    pub recorded: usize,
    /// 202s without a row that holds the posted body.
    pub lost: usize,
    /// Rows beyond the first of a message id, an idempotency key or a body.
    pub doubled: usize,
    /// Rows whose body was never posted.
    pub foreign: usize,
    /// Rows of attempts without a 202, which are allowed.
    pub unanswered: usize,
    /// Rows that are not `processed`.
    pub unsettled: usize,
    /// `processed` rows that their provider has not received.
    pub undelivered: usize,
    /// Notifications of which more copies arrived than a message with an unknown outcome may have.
    pub too_many_copies: usize,
    /// Notifications that failed because their outcome is unknown, rightly: they arrived, as the receivers' ledger
    /// shows, and no worker lived long enough to record it.
    pub outcome_unknown: HashSet<Uuid>,
    /// Examples of what is wrong.
    pub examples: Vec<String>,
}

impl Findings {
    fn example(&mut self, of: &str, what: impl FnOnce() -> String) {
        let alike = self.examples.iter().filter(|one| one.starts_with(of));
        if alike.count() < EXAMPLES {
            self.examples.push(format!("{of}: {}", what()));
        }
    }
}

/// Compares row by row.
pub struct Comparison<'a> {
    ledger: &'a LedgerSummary,
    receivers: &'a Receivers,
    /// The number of rows of each body, and of each message id.
    bodies: HashMap<Fingerprint, u32>,
    ids: HashMap<Uuid, u32>,
    found: HashSet<Uuid>,
    findings: Findings,
}

impl<'a> Comparison<'a> {
    pub fn new(ledger: &'a LedgerSummary, receivers: &'a Receivers) -> Self {
        Self {
            ledger,
            receivers,
            bodies: HashMap::new(),
            ids: HashMap::new(),
            found: HashSet::new(),
            findings: Findings {
                accepted: ledger.accepted(),
                ..Findings::default()
            },
        }
    }

    /// Adds a row to the comparison.
    pub fn add(&mut self, row: &Row) {
        let found = &mut self.findings;
        let Row { id, body, .. } = row;
        found.recorded += 1;
        let known = self.ledger.attempted.contains(body);
        let accepted = self.ledger.accepted.get(id);
        if !known {
            found.foreign += 1;
            found.example("foreign", || format!("{id} has a body that was not posted"));
        } else if accepted.is_none() {
            found.unanswered += 1;
        }
        if accepted == Some(body) {
            self.found.insert(*id);
        }
        let same_body = self.bodies.entry(*body).or_default();
        let same_id = self.ids.entry(*id).or_default();
        if *same_body > 0 || *same_id > 0 {
            found.doubled += 1;
            found.example("doubled", || format!("{id}, body {body}"));
        }
        *same_body += 1;
        *same_id += 1;
        let copies = self.receivers.copies.get(id).copied().unwrap_or_default();
        if row.has_provider && copies > row.max_copies {
            found.too_many_copies += 1;
            found.example("too many copies", || format!("{id} arrived {copies} times"));
        }
        if row.outcome_unknown && copies > 0 {
            found.outcome_unknown.insert(*id);
        } else if row.status != "processed" {
            found.unsettled += 1;
            found.example("unsettled", || format!("{id} is {}", row.status));
        } else if row.has_provider && !self.receivers.delivered.contains(id) {
            found.undelivered += 1;
            found.example("undelivered", || format!("{id} was not delivered"));
        }
    }

    /// Returns the findings for all rows.
    pub fn finish(self) -> Findings {
        let mut found = self.findings;
        for (id, body) in &self.ledger.accepted {
            if !self.found.contains(id) {
                found.lost += 1;
                let row = match self.ids.get(id) {
                    Some(_) => "a row with another body",
                    None => "no row",
                };
                found.example("lost", || format!("{id}, body {body}: {row}"));
            }
        }
        for (id, body) in &self.ledger.ambiguous {
            found.lost += 1;
            found.example("lost", || {
                format!("{id} was returned for body {body} and for another one")
            });
        }
        found
    }
}

#[cfg(test)]
mod tests;
