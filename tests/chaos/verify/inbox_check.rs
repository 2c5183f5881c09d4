use jiff::SignedDuration;

use super::{Comparison, Row};

/// What is visible for so long is seen by its reader. No run takes so long.
const LASTS: SignedDuration = SignedDuration::from_hours(12);

impl Comparison<'_> {
    /// Checks an in-app notification of a reader. One that expires soon may never have been visible.
    pub(super) fn check_inbox(&mut self, row: &Row) {
        let record = row
            .user
            .and_then(|user| Some((user, self.readers.get(&user)?)));
        let Some((user, record)) = record.filter(|_| row.channel == "in-app") else {
            return;
        };
        let found = &mut self.findings;
        let is_seen = record.seen.contains(&row.id);
        if is_seen && row.processed_at.is_some() {
            *self.seen.entry(user).or_default() += 1;
        }
        if let (Some(expires_at), Some(period)) = (row.expires_at, record.listed.get(&row.id))
            && self.times.is_over(*period, expires_at)
        {
            found.shown_after_expiry += 1;
            found.example("shown after expiry", || {
                format!(
                    "{} of {user}, expiry {expires_at}, listed in {period:?}",
                    row.id
                )
            });
        }
        // One that expires meanwhile may be marked or not, if PostgreSQL's clock steps back.
        if row.status != "processed" || !lasts(row) {
            return;
        }
        found.in_inboxes += 1;
        if !is_seen {
            found.unseen += 1;
            found.example("not seen in inboxes", || {
                format!("{} of {user}, processed at {:?}", row.id, row.processed_at)
            });
        }
        let is_right = if row.is_read {
            record.read.contains(&row.id) || record.maybe_read.contains(&row.id)
        } else {
            !record.read.contains(&row.id)
        };
        if !is_right {
            found.marked_wrongly += 1;
            found.example("marked wrongly", || {
                format!("{} of {user} is read: {}", row.id, row.is_read)
            });
        }
    }
}

/// Whether the notification stays visible until the end of the run.
fn lasts(row: &Row) -> bool {
    let Some((processed_at, expires_at)) = row.processed_at.zip(row.expires_at) else {
        return row.expires_at.is_none();
    };
    expires_at.duration_since(processed_at) >= LASTS
}
