//! Counts new rows for statistics, once they are committed.

use tidings_domain::notification::{Channel, Notification, Status};
use tidings_runtime::statistics::events;

use super::insert::{InsertedRow, RecordedBy};

/// Counts a notification that was recorded, and its end if it has ended at once.
pub(crate) fn count_recorded(notification: &Notification, row: InsertedRow, by: RecordedBy) {
    let channel = notification.channel;
    let due_at = match by {
        RecordedBy::Schedule => {
            events::created(channel);
            notification.window.not_before
        }
        RecordedBy::Intake | RecordedBy::Api => {
            events::recorded(channel, notification.accepted_at);
            notification
                .window
                .not_before
                .max(Some(notification.accepted_at))
        }
    };
    match (row.status, row.suppressed) {
        (Status::Processed, _) if channel == Channel::InApp => events::delivered(channel, due_at),
        (Status::Suppressed, Some(reason)) => events::suppressed(channel, reason.as_str()),
        (Status::Expired, _) => events::expired(Some(channel), 1),
        _ => {}
    }
}
