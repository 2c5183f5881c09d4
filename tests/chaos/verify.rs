//! Whether what was promised was kept: the ledger against the rows.

use std::collections::{HashMap, HashSet};

use anyhow::Context;
use uuid::Uuid;

use crate::ledger::{Entry, Fingerprint};

/// More examples of one kind than this help nobody.
const EXAMPLES: usize = 10;

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: Uuid,
    pub body: Fingerprint,
    pub status: String,
    /// Whether it has to reach the outside.
    pub delivered_outside: bool,
}

/// What the ledger says, as small as it can be held.
#[derive(Default)]
pub struct Promises {
    /// Every body that was ever posted. A try without a key has a body of its own, and so has a key.
    tried: HashSet<Fingerprint>,
    /// The body of each message id that was answered with 202.
    accepted: HashMap<Uuid, Fingerprint>,
    /// Message ids that were answered to more than one body: all but one of these are lost.
    ambiguous: Vec<(Uuid, Fingerprint)>,
}

impl Promises {
    /// Those of a ledger.
    pub fn read(entries: impl Iterator<Item = anyhow::Result<Entry>>) -> anyhow::Result<Self> {
        let mut promises = Self::default();
        for entry in entries {
            match entry? {
                Entry::Try { body, .. } => {
                    promises.tried.insert(body);
                }
                Entry::Accepted { body, id, .. } => match promises.accepted.insert(id, body) {
                    Some(other) if other != body => promises.ambiguous.push((id, other)),
                    _ => {}
                },
            }
        }
        Ok(promises)
    }

    /// How many message ids were answered with 202.
    pub fn accepted(&self) -> usize {
        self.accepted.len()
    }
}

/// How promises and rows compare.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Message ids that were answered with 202.
    pub accepted: usize,
    /// Rows.
    pub recorded: usize,
    /// 202s without a row that holds what was posted.
    pub lost: usize,
    /// Rows beyond the first of a message id, an idempotency key or a body.
    pub doubled: usize,
    /// Rows that nobody posted.
    pub foreign: usize,
    /// Rows of tries that got no 202, which is allowed.
    pub unanswered: usize,
    /// Rows that are not `processed`.
    pub unsettled: usize,
    /// `processed` rows of channels to the outside that the provider has never seen.
    pub undelivered: usize,
    /// Some of what is wrong.
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

/// Compares, row by row. `delivered` are the message ids that a provider has seen.
pub struct Comparison<'a> {
    promises: &'a Promises,
    delivered: &'a HashSet<Uuid>,
    /// The rows of each body, and of each message id.
    bodies: HashMap<Fingerprint, u32>,
    ids: HashMap<Uuid, u32>,
    kept: HashSet<Uuid>,
    findings: Findings,
}

impl<'a> Comparison<'a> {
    pub fn new(promises: &'a Promises, delivered: &'a HashSet<Uuid>) -> Self {
        Self {
            promises,
            delivered,
            bodies: HashMap::new(),
            ids: HashMap::new(),
            kept: HashSet::new(),
            findings: Findings {
                accepted: promises.accepted(),
                ..Findings::default()
            },
        }
    }

    /// Takes a row into account.
    pub fn add(&mut self, row: &Row) {
        let found = &mut self.findings;
        let Row { id, body, .. } = row;
        found.recorded += 1;
        let known = self.promises.tried.contains(body);
        let promised = self.promises.accepted.get(id);
        if !known {
            found.foreign += 1;
            found.example("foreign", || format!("{id} has a body that nobody posted"));
        } else if promised.is_none() {
            found.unanswered += 1;
        }
        if promised == Some(body) {
            self.kept.insert(*id);
        }
        let same_body = self.bodies.entry(*body).or_default();
        let same_id = self.ids.entry(*id).or_default();
        if *same_body > 0 || *same_id > 0 {
            found.doubled += 1;
            found.example("doubled", || format!("{id}, body {body}"));
        }
        *same_body += 1;
        *same_id += 1;
        if row.status != "processed" {
            found.unsettled += 1;
            found.example("unsettled", || format!("{id} is {}", row.status));
        } else if row.delivered_outside && !self.delivered.contains(id) {
            found.undelivered += 1;
            found.example("undelivered", || format!("{id} was never sent"));
        }
    }

    /// What all rows together come to.
    pub fn finish(self) -> Findings {
        let mut found = self.findings;
        for (id, body) in &self.promises.accepted {
            if !self.kept.contains(id) {
                found.lost += 1;
                let row = match self.ids.get(id) {
                    Some(_) => "a row with another body",
                    None => "no row",
                };
                found.example("lost", || format!("{id}, body {body}: {row}"));
            }
        }
        for (id, body) in &self.promises.ambiguous {
            found.lost += 1;
            found.example("lost", || {
                format!("{id} was promised to body {body} and to another one")
            });
        }
        found
    }
}

/// The message id that the name of a file of the sandbox begins with.
pub fn id_of_file(name: &str) -> anyhow::Result<Uuid> {
    let id = name.get(..36).context("too short a name")?;
    Ok(id.parse()?)
}

#[cfg(test)]
mod tests;
