use jiff::Timestamp;
use tidings_domain::notification::{Channel, MessageId, Status, UserId};
use tokio_postgres::types::ToSql;

use super::ended::END;

/// Selects the notifications of a page.
#[derive(Clone, Debug, Default)]
pub struct NotificationFilter {
    /// Only this notification.
    pub message_id: Option<MessageId>,
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
    /// Only notifications that this template renders.
    pub template: Option<String>,
    /// Only notifications that failed, wait, or were not sent for this reason.
    pub reason: Option<String>,
    /// Only webhooks to this host, in ASCII and lower case: by their URL, or that of an endpoint that they were sent to.
    pub host: Option<String>,
    /// Only notifications to which a provider has given this id.
    pub reference: Option<String>,
    /// Only notifications that were accepted at this time or later.
    pub created_from: Option<Timestamp>,
    /// Only notifications that were accepted before this time.
    pub created_before: Option<Timestamp>,
    /// Only notifications that ended at this time or later: that were delivered, failed, or were not sent for good.
    pub ended_from: Option<Timestamp>,
    /// Only notifications that ended before this time.
    pub ended_before: Option<Timestamp>,
    /// Only notifications that were delivered at this time or later.
    pub processed_from: Option<Timestamp>,
    /// Only notifications that were delivered before this time.
    pub processed_before: Option<Timestamp>,
}

impl NotificationFilter {
    /// Whether a search is in the order of the ends, and not in that of the acceptance. Those of one user are few, and have an
    /// index in the order of acceptance.
    #[must_use]
    pub const fn is_by_end(&self) -> bool {
        (self.ended_from.is_some() || self.ended_before.is_some())
            && self.user_id.is_none()
            && self.message_id.is_none()
    }
}

/// The conditions of a query and their parameters.
pub(super) struct Conditions {
    conditions: Vec<String>,
    parameters: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Conditions {
    /// `first`, and the conditions of `filter`.
    pub(super) fn new(first: &str, filter: &NotificationFilter) -> Self {
        let mut all = Self::empty();
        all.add(first.to_owned());
        all.add_filter(filter);
        all
    }

    /// Adds the conditions of `filter`.
    pub(super) fn add_filter(&mut self, filter: &NotificationFilter) {
        let all = self;
        if let Some(user) = filter.user_id {
            let user = all.parameter(user.as_uuid());
            // Planned for an average user: for one with most of all rows, PostgreSQL would follow the primary key instead of
            // the index, past all that others have got since.
            all.add(format!("user_id = (SELECT {user}::uuid)"));
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
        all.add_rest(filter);
        if let Some(time) = filter.processed_from {
            let time = all.parameter(time);
            all.add(format!("processed_at >= {time}"));
        }
        if let Some(time) = filter.processed_before {
            let time = all.parameter(time);
            all.add(format!("processed_at < {time}"));
        }
    }

    fn add_rest(&mut self, filter: &NotificationFilter) {
        if let Some(id) = filter.message_id {
            let id = self.parameter(id.as_uuid());
            self.add(format!("message_id = {id}"));
        }
        if let Some(template) = &filter.template {
            let template = self.parameter(template.clone());
            self.add(format!("template_name = {template}"));
        }
        if let Some(reason) = &filter.reason {
            let value = self.parameter(reason.clone());
            self.add(format!("(failure_reason = {value} OR reason = {value})"));
        }
        if let Some(host) = &filter.host {
            let host = self.parameter(host.clone());
            let (payload_host, endpoint_host) = (host_of("payload->>'to'"), host_of("url"));
            self.add(format!(
                "type = 'webhook'
                 AND ({payload_host} = {host}
                      OR EXISTS (SELECT FROM delivery_attempts AS attempt
                                      JOIN webhook_endpoints AS endpoint ON endpoint.id = attempt.contact_id
                                 WHERE attempt.message_id = notifications.message_id AND {endpoint_host} = {host}))"
            ));
        }
        if let Some(reference) = &filter.reference {
            let reference = self.parameter(reference.clone());
            self.add(format!(
                "EXISTS (SELECT FROM delivery_attempts AS attempt
                         WHERE attempt.message_id = notifications.message_id
                               AND attempt.provider_reference = {reference})"
            ));
        }
        if let Some(time) = filter.created_from {
            let time = self.parameter(time);
            self.add(format!("created_at >= {time}"));
        }
        if let Some(time) = filter.created_before {
            let time = self.parameter(time);
            self.add(format!("created_at < {time}"));
        }
        if let Some(time) = filter.ended_from {
            let time = self.parameter(time);
            self.add(format!("{END} >= {time}"));
        }
        if let Some(time) = filter.ended_before {
            let time = self.parameter(time);
            self.add(format!("{END} < {time}"));
        }
    }

    /// No conditions.
    pub(super) fn empty() -> Self {
        Self {
            conditions: Vec::new(),
            parameters: Vec::new(),
        }
    }

    /// Returns the text after `WHERE` and begins with other conditions, whose parameters follow.
    pub(super) fn next_part(&mut self) -> String {
        if self.conditions.is_empty() {
            return "true".to_owned();
        }
        std::mem::take(&mut self.conditions).join(" AND ")
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

/// The host of a URL in a column, without user, port and trailing dot.
pub(super) fn host_of(url: &str) -> String {
    format!(
        "rtrim(lower(substring({url} from '^[A-Za-z]+://(?:[^/?#@]*@)?(\\[[^]]*\\]|[^/:?#]+)') COLLATE \"C\"), '.')"
    )
}
