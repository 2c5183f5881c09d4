use jiff::Timestamp;
use tidings_domain::notification::{Channel, Status, UserId};
use tokio_postgres::types::ToSql;

/// Selects the notifications of a page.
#[derive(Clone, Debug, Default)]
pub struct NotificationFilter {
    /// Only notifications of this user.
    pub user_id: Option<UserId>,
    /// Only notifications with this status.
    pub status: Option<Status>,
    /// Only notifications of this channel.
    pub channel: Option<Channel>,
    /// Only notifications of this category.
    pub category: Option<String>,
    /// Only notifications of this sender.
    pub sender: Option<String>,
    /// Only notifications that were delivered at this time or later.
    pub processed_from: Option<Timestamp>,
    /// Only notifications that were delivered before this time.
    pub processed_before: Option<Timestamp>,
}

/// The conditions of a query and their parameters.
pub(super) struct Conditions {
    conditions: Vec<String>,
    parameters: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Conditions {
    /// `first`, and the conditions of `filter`.
    pub(super) fn new(first: &str, filter: &NotificationFilter) -> Self {
        let mut all = Self {
            conditions: vec![first.to_owned()],
            parameters: Vec::new(),
        };
        if let Some(user) = filter.user_id {
            let user = all.parameter(user.as_uuid());
            all.add(format!("user_id = {user}"));
        }
        // Literals, not parameters: only with a literal does the planner see that a partial index covers
        // the condition. Both strings come from enums, so they need no escaping.
        if let Some(status) = filter.status {
            all.add(format!("status = '{status}'"));
        }
        if let Some(channel) = filter.channel {
            all.add(format!("type = '{channel}'"));
        }
        if let Some(category) = &filter.category {
            let category = all.parameter(category.clone());
            all.add(format!("category = {category}"));
        }
        if let Some(sender) = &filter.sender {
            let sender = all.parameter(sender.clone());
            all.add(format!("sender = {sender}"));
        }
        if let Some(time) = filter.processed_from {
            let time = all.parameter(time);
            all.add(format!("processed_at >= {time}"));
        }
        if let Some(time) = filter.processed_before {
            let time = all.parameter(time);
            all.add(format!("processed_at < {time}"));
        }
        all
    }

    /// Adds a condition.
    pub(super) fn add(&mut self, condition: String) {
        self.conditions.push(condition);
    }

    /// Adds a parameter, and returns its name in the query.
    pub(super) fn parameter(&mut self, value: impl ToSql + Sync + Send + 'static) -> String {
        self.parameters.push(Box::new(value));
        format!("${}", self.parameters.len())
    }

    /// The text after `WHERE`.
    pub(super) fn sql(&self) -> String {
        self.conditions.join(" AND ")
    }

    /// The parameters, in the order of their names.
    pub(super) fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        let all = self.parameters.iter();
        all.map(|one| &**one as &(dyn ToSql + Sync)).collect()
    }
}
