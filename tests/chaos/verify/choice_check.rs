use super::choice_history::ChoiceSubject;
use super::row::Attempt;
use super::send_times::Period;
use super::{Comparison, Row};

/// The reason of a row that quiet hours have held.
const QUIET_HOURS: &str = "quiet_hours";

/// The reason of a row that its user does not want.
const PREFERENCE: &str = "preference";

impl Comparison<'_> {
    /// Checks a notification of a recipient who changes preferences, or of a user who changes quiet hours.
    pub(super) fn check_choices(&mut self, row: &Row) {
        let is_held = row.reason.as_deref() == Some(QUIET_HOURS);
        let subject = self.subject(row);
        if is_held {
            self.add_held(row, subject);
        }
        let Some(subject) = subject.filter(|_| row.has_provider) else {
            return;
        };
        let choices = &self.ledger.choices;
        for Attempt { decided, written } in &row.attempts {
            let times: Vec<Period> = self.times.written(*written).collect();
            let always = |is: &dyn Fn(Period) -> bool| {
                !times.is_empty() && times.iter().all(|written| is(*written))
            };
            let found = &mut self.findings;
            let id = row.id;
            if always(&|written| choices.is_refused(subject, written)) {
                found.sent_after_opt_out += 1;
                found.example("sent after opt-out", || {
                    format!("{id}, {subject:?}, began at {written}: {times:?}")
                });
            }
            if always(&|written| choices.is_quiet(subject, *decided, written)) {
                found.sent_in_quiet += 1;
                found.example("sent during quiet hours", || {
                    format!("{id}, {subject:?}, decided at {decided}: {times:?}")
                });
            }
        }
        for arrived in self.receivers.arrivals(row.id) {
            let period = self.times.attempt_of(*arrived);
            let mut attempts = row.attempts.iter();
            if !attempts.any(|attempt| self.times.is_within(attempt.written, period)) {
                self.findings.sent_without_attempt += 1;
                self.findings.example("sent without an attempt", || {
                    format!("{} arrived at {arrived}: {:?}", row.id, row.attempts)
                });
            }
        }
    }

    /// Whether a `suppressed` row was not wanted when it was decided.
    pub(super) fn may_be_suppressed(&self, row: &Row) -> bool {
        let Some(subject) = self.subject(row) else {
            return false;
        };
        let decided = row.ended_at.into_iter();
        let mut periods = decided.flat_map(|ended| self.times.decisions_after(ended));
        row.reason.as_deref() == Some(PREFERENCE)
            && periods.any(|period| self.ledger.choices.may_be_refused(subject, period))
    }

    fn add_held(&mut self, row: &Row, subject: Option<ChoiceSubject<'_>>) {
        let found = &mut self.findings;
        found.held += 1;
        let may_be_held = subject.is_some_and(|subject| self.ledger.choices.may_be_held(subject));
        if !may_be_held {
            found.held_wrongly += 1;
            found.example("held wrongly", || format!("{}: {subject:?}", row.id));
        }
        let copies = self.receivers.copies.get(&row.id).copied();
        found.held_and_sent += usize::from(copies.is_some());
        found.held_and_repeated += usize::from(copies.is_some_and(|copies| copies > 1));
    }

    /// What choices may be about, if the recipient of the row makes any.
    fn subject<'r>(&self, row: &'r Row) -> Option<ChoiceSubject<'r>> {
        let recipient = row.user.or(row.guest);
        let user = recipient.filter(|user| self.ledger.choices.knows(*user))?;
        Some(ChoiceSubject {
            user,
            category: row.category.as_deref(),
            channel: &row.channel,
        })
    }
}
