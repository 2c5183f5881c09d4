//! Compares the ledger with the rows and with what the receivers got.

mod choice_check;
mod choice_history;
mod findings;
mod inbox_check;
mod ledger_summary;
mod row;
mod send_times;

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use uuid::Uuid;

use crate::inbox::ReaderRecord;
use crate::ledger::{Category, Fingerprint, Group, PostedTimes};
use crate::receivers::Receivers;

pub use findings::Findings;
pub use ledger_summary::LedgerSummary;
pub use row::{Attempt, Row};
pub use send_times::{LATE, Period, SendTimes};

/// Compares row by row.
pub struct Comparison<'a> {
    ledger: &'a LedgerSummary,
    receivers: &'a Receivers,
    times: &'a SendTimes,
    /// What each reader has seen and done.
    readers: &'a HashMap<Uuid, ReaderRecord>,
    /// How many of what a reader has seen are in the inbox.
    seen: HashMap<Uuid, usize>,
    /// The number of rows of each body, and of each message id.
    bodies: HashMap<Fingerprint, u32>,
    ids: HashMap<Uuid, u32>,
    /// The number of cancelled rows of each group.
    cancelled_in_group: HashMap<Group, u64>,
    found: HashSet<Uuid>,
    findings: Findings,
}

impl<'a> Comparison<'a> {
    pub fn new(
        ledger: &'a LedgerSummary,
        receivers: &'a Receivers,
        times: &'a SendTimes,
        readers: &'a HashMap<Uuid, ReaderRecord>,
    ) -> Self {
        Self {
            ledger,
            receivers,
            times,
            readers,
            seen: HashMap::new(),
            bodies: HashMap::new(),
            ids: HashMap::new(),
            cancelled_in_group: HashMap::new(),
            found: HashSet::new(),
            findings: Findings {
                accepted: ledger.accepted(),
                scheduled: ledger.scheduled(),
                cancels: ledger.cancel_counts(),
                ..Findings::default()
            },
        }
    }

    /// Adds a row to the comparison.
    pub fn add(&mut self, row: &Row) {
        self.findings.recorded += 1;
        let posted = self.ledger.attempted.get(&row.body).copied();
        self.check_identity(row, posted.as_ref());
        let posted = posted.unwrap_or_default();
        self.check_end(row, &posted);
        self.check_copies(row);
        self.check_choices(row);
        self.check_inbox(row);
        if row.has_provider {
            let receivers = self.receivers;
            for arrived in receivers.arrivals(row.id) {
                self.check_time(row, &posted, *arrived);
            }
        } else if let Some(processed) = row.processed_at {
            self.check_in_app(row, &posted, processed);
        }
    }

    /// Checks that the row is what was posted, and the only one.
    fn check_identity(&mut self, row: &Row, posted: Option<&PostedTimes>) {
        let found = &mut self.findings;
        let Row { id, body, .. } = row;
        let accepted = self.ledger.accepted.get(id);
        match posted {
            None => {
                found.foreign += 1;
                found.example("foreign", || format!("{id} has a body that was not posted"));
            }
            Some(posted) => {
                let group = posted.group.map(|group| group.to_string());
                let category = posted.category.map(Category::name);
                if group != row.group
                    || category != row.category.as_deref()
                    || !posted.allows_expiry(row.expires_at)
                {
                    found.foreign += 1;
                    found.example("foreign", || {
                        let (expires_at, group) = (row.expires_at, &row.group);
                        format!(
                            "{id} expires at {expires_at:?}, group {group:?}, {:?}: posted {posted:?}",
                            row.category
                        )
                    });
                }
                if accepted.is_none() {
                    found.unanswered += 1;
                }
            }
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
    }

    /// Checks that the notification has ended, as the answers allow.
    fn check_end(&mut self, row: &Row, posted: &PostedTimes) {
        let may_be_suppressed = row.status == "suppressed" && self.may_be_suppressed(row);
        let found = &mut self.findings;
        let Row { id, status, .. } = row;
        let has_copies = !self.receivers.arrivals(*id).is_empty();
        let is_allowed = match status.as_str() {
            "processed" => !self.ledger.is_cancelled(*id),
            "cancelled" => {
                found.cancelled += 1;
                if let Some(group) = posted.group {
                    *self.cancelled_in_group.entry(group).or_default() += 1;
                }
                self.ledger.may_be_cancelled(*id, posted.group)
            }
            "expired" => {
                found.expired += 1;
                posted.can_expire() && !self.ledger.is_cancelled(*id)
            }
            "suppressed" => {
                found.suppressed += 1;
                may_be_suppressed && !self.ledger.is_cancelled(*id)
            }
            _ if row.outcome_unknown && has_copies => {
                found.outcome_unknown.insert(*id);
                !self.ledger.is_cancelled(*id)
            }
            _ => {
                found.unsettled += 1;
                found.example("not settled", || format!("{id} is {status}"));
                return;
            }
        };
        if !is_allowed {
            found.wrong_ends += 1;
            let answers = self.ledger.cancels.get(id);
            found.example("ended wrongly", || {
                format!("{id} is {status}: posted {posted:?}, cancellations {answers:?}")
            });
        } else if status == "processed"
            && row.has_provider
            && !self.receivers.delivered.contains(id)
        {
            found.undelivered += 1;
            found.example("not delivered", || format!("{id} was not delivered"));
        }
    }

    /// Checks how many copies arrived.
    fn check_copies(&mut self, row: &Row) {
        let (found, id) = (&mut self.findings, row.id);
        let copies = self.receivers.copies.get(&id).copied().unwrap_or_default();
        if row.has_provider && copies > row.max_copies {
            found.too_many_copies += 1;
            found.example("too many copies", || format!("{id} arrived {copies} times"));
        }
        // A group's answer does not say which of its notifications may have been sent, but their rows do.
        let is_never_sent =
            self.ledger.is_never_sent(id) || row.status == "cancelled" && !row.maybe_sent;
        if copies > 0 && is_never_sent {
            found.sent_after_cancel += 1;
            let answers = self.ledger.cancels.get(&id);
            let arrivals = self.receivers.arrivals(id);
            found.example("sent after cancel", || {
                format!("{id} arrived at {arrivals:?}, cancellations {answers:?}")
            });
        }
    }

    /// Checks when a copy arrived.
    fn check_time(&mut self, row: &Row, posted: &PostedTimes, arrived: Timestamp) {
        let (found, id) = (&mut self.findings, row.id);
        if let Some(send_at) = posted.send_at {
            if self.times.is_early(arrived, send_at) {
                found.sent_early += 1;
                found.example("sent before sendAt", || {
                    format!("{id} arrived at {arrived}, sendAt {send_at}")
                });
            }
            // What quiet hours have held is not late.
            if row.reason.is_none() {
                self.add_delay(arrived, send_at);
            }
        }
        let found = &mut self.findings;
        if let Some(expires_at) = row.expires_at
            && self.times.is_late(arrived, expires_at)
        {
            found.sent_after_expiry += 1;
            found.example("sent after expiry", || {
                format!("{id} arrived at {arrived}, expiry {expires_at}")
            });
        }
    }

    /// Checks when an in-app notification was processed. After its expiry no list shows it, so it may be processed then.
    fn check_in_app(&mut self, row: &Row, posted: &PostedTimes, processed: Timestamp) {
        let Some(send_at) = posted.send_at else {
            return;
        };
        if self.times.is_processed_early(processed, send_at) {
            self.findings.sent_early += 1;
            self.findings.example("sent before sendAt", || {
                format!("{} was processed at {processed}, sendAt {send_at}", row.id)
            });
        }
        if let Some(processed) = self.times.machine_time(processed) {
            self.add_delay(processed, send_at);
        }
    }

    fn add_delay(&mut self, sent: Timestamp, send_at: Timestamp) {
        let delay = sent.duration_since(send_at);
        self.findings.latest = self.findings.latest.max(delay);
        if delay > LATE {
            self.findings.late += 1;
        }
    }

    /// Returns the findings for all rows.
    pub fn finish(self) -> Findings {
        let mut found = self.findings;
        for (user, record) in self.readers {
            let elsewhere = record.seen.len() - self.seen.get(user).copied().unwrap_or_default();
            found.shown_wrongly += elsewhere;
            if elsewhere > 0 {
                found.example("shown wrongly", || {
                    format!("{elsewhere} that are not in the inbox of {user}")
                });
            }
        }
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
        for (group, answered) in &self.ledger.cancelled_groups {
            let rows = self.cancelled_in_group.get(group).copied();
            if rows.unwrap_or_default() < *answered {
                found.wrong_ends += 1;
                found.example("ended wrongly", || {
                    format!("{answered} of group {group} were cancelled, and {rows:?} are")
                });
            }
        }
        found
    }
}

#[cfg(test)]
mod choice_tests;
#[cfg(test)]
mod inbox_tests;
#[cfg(test)]
mod schedule_tests;
#[cfg(test)]
mod tests;
