use super::{Comparison, Row};

impl Comparison<'_> {
    /// Checks an in-app notification of a reader. One that can expire may never have been visible.
    pub(super) fn check_inbox(&mut self, row: &Row) {
        let record = row
            .user
            .and_then(|user| Some((user, self.readers.get(&user)?)));
        let Some((user, record)) = record.filter(|_| row.channel == "in-app") else {
            return;
        };
        let found = &mut self.findings;
        let is_seen = record.seen.contains(&row.id);
        let was_visible = row.processed_at.is_some();
        if is_seen && was_visible {
            *self.seen.entry(user).or_default() += 1;
        }
        if row.status != "processed" || row.expires_at.is_some() {
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
