//! Notifications in the order in which they ended.

use jiff::Timestamp;
use tidings_domain::notification::{Channel, Status};
use uuid::Uuid;

use super::filter::{Conditions, NotificationFilter};

/// When a notification ended; NULL if it has not. A processed one may have both times.
pub(super) const END: &str = "(CASE status WHEN 'processed' THEN processed_at ELSE ended_at END)";

/// How a notification ends, apart from its delivery.
const OTHER_ENDS: [Status; 5] = [
    Status::Failed,
    Status::Cancelled,
    Status::Expired,
    Status::Suppressed,
    Status::Digested,
];

/// The notifications that an index has in the order of their ends: its condition in literals, and its column.
fn indexes(filter: &NotificationFilter) -> Vec<(String, &'static str)> {
    let is_wanted = |status| filter.status.is_none_or(|wanted| wanted == status);
    let mut all = Vec::new();
    if is_wanted(Status::Processed) {
        if filter.channel != Some(Channel::InApp) {
            let condition = "type <> 'in-app' AND status = 'processed'";
            all.push((condition.to_owned(), "processed_at"));
        }
        if filter
            .channel
            .is_none_or(|channel| channel == Channel::InApp)
        {
            let condition = "type = 'in-app' AND status = 'processed'";
            all.push((condition.to_owned(), "processed_at"));
        }
    }
    let others = OTHER_ENDS.into_iter().filter(|status| is_wanted(*status));
    all.extend(others.map(|status| {
        let condition = format!("status = '{status}' AND ended_at IS NOT NULL");
        (condition, "ended_at")
    }));
    if all.is_empty() {
        // With this status, nothing has ended.
        all.push(("false".to_owned(), "ended_at"));
    }
    all
}

/// Selects `ended` and `ended_id` of the notifications that ended in the period of `filter`, the last one first, after a
/// position. Each index gives at most `limit`, the name of a parameter, and so does the whole.
pub(super) fn select(
    conditions: &mut Conditions,
    filter: &NotificationFilter,
    after: Option<(Timestamp, Uuid)>,
    limit: &str,
) -> String {
    let mut period = Vec::new();
    for (operator, time) in [(">=", filter.ended_from), ("<", filter.ended_before)] {
        if let Some(time) = time {
            period.push((operator, conditions.parameter(time)));
        }
    }
    let after = after.map(|(at, id)| (conditions.parameter(at), conditions.parameter(id)));
    let parts = indexes(filter).into_iter().map(|(condition, column)| {
        let mut all = vec![condition];
        all.extend(
            period
                .iter()
                .map(|(operator, time)| format!("{column} {operator} {time}")),
        );
        if let Some((at, id)) = &after {
            all.push(format!("({column}, id) < ({at}, {id})"));
        }
        format!(
            "(SELECT {column} AS ended, id AS ended_id FROM notifications WHERE {}
              ORDER BY {column} DESC, id DESC LIMIT {limit})",
            all.join(" AND ")
        )
    });
    let parts: Vec<String> = parts.collect();
    format!(
        "SELECT ended, ended_id FROM ({}) AS parts ORDER BY ended DESC, ended_id DESC LIMIT {limit}",
        parts.join(" UNION ALL ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_indexes_of_the_status_and_the_channel_are_read() {
        let count = |status, channel| {
            let filter = NotificationFilter {
                status,
                channel,
                ..NotificationFilter::default()
            };
            indexes(&filter).len()
        };
        assert_eq!(count(None, None), 7);
        assert_eq!(count(None, Some(Channel::Email)), 6);
        assert_eq!(count(Some(Status::Processed), None), 2);
        assert_eq!(count(Some(Status::Processed), Some(Channel::InApp)), 1);
        assert_eq!(count(Some(Status::Failed), Some(Channel::InApp)), 1);
        let pending = NotificationFilter {
            status: Some(Status::Pending),
            ..NotificationFilter::default()
        };
        assert_eq!(indexes(&pending)[0].0, "false");
    }
}
