use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tidings_db::delivery_attempts::AttemptRow;
use tidings_db::notifications::{NotificationRow, TimelineRow};
use tidings_domain::notification::{Channel, Status};
use utoipa::ToSchema;

use crate::handlers::notifications::attempts::AttemptView;
use crate::handlers::notifications::view::TEMPLATE_ERROR;

/// Something that has happened to a notification.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineStep {
    /// `accepted`: RabbitMQ or PostgreSQL has stored it; `recorded`: it has a row; `held`: it waits, or waited, until `until`;
    /// `attempt`; `replayed`; `read`: by the user; or the status with which it ended.
    #[schema(example = "attempt")]
    code: &'static str,
    /// When; null if that is not stored.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// Until when it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    until: Option<Timestamp>,
    /// Why it waits, failed, or was not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    reason: Option<String>,
    /// The failure for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    error: Option<String>,
    /// The attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    attempt: Option<TimelineAttempt>,
}

/// An attempt to deliver.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineAttempt {
    /// How long the notification waited for it, in milliseconds: since it was accepted or due, or since the last attempt.
    waited_ms: u64,
    /// The address, masked; null if the contact is deleted or the payload erased.
    #[schema(example = "a***@example.com")]
    address: Option<String>,
    /// What `/attempts` returns.
    #[serde(flatten)]
    attempt: AttemptView,
}

impl TimelineStep {
    fn new(code: &'static str, at: Option<Timestamp>) -> Self {
        Self {
            code,
            at,
            until: None,
            reason: None,
            error: None,
            attempt: None,
        }
    }

    /// The same without an error that quotes a template, unless `is_allowed`.
    pub(super) fn without_template_error(self, is_allowed: bool) -> Self {
        let error = self.error.map(|error| {
            if error.starts_with("template_error:") && !is_allowed {
                format!("template_error: {TEMPLATE_ERROR}")
            } else {
                error
            }
        });
        Self { error, ..self }
    }
}

/// When an attempt ended, if that is known.
pub(super) fn end_of(attempt: &AttemptRow) -> Option<Timestamp> {
    let millis = u64::try_from(attempt.duration_ms?).ok()?;
    let duration = SignedDuration::try_from(Duration::from_millis(millis)).ok()?;
    let began = attempt.last_repeated_at.unwrap_or(attempt.started_at);
    began.checked_add(duration).ok()
}

/// Arranges what has happened.
pub(super) fn steps(
    row: &NotificationRow,
    timeline: &TimelineRow,
    attempts: Vec<AttemptRow>,
    addresses: Vec<Option<String>>,
    view: impl Fn(AttemptRow) -> AttemptView,
) -> Vec<TimelineStep> {
    let mut steps = vec![
        TimelineStep::new("accepted", Some(row.created_at)),
        TimelineStep::new("recorded", None),
    ];
    let until = row.window.not_before.or(row.digest_closes_at);
    if until.is_some() {
        let mut held = TimelineStep::new("held", None);
        held.until = until;
        held.reason.clone_from(&row.reason);
        steps.push(held);
    }
    let mut replayed = timeline.replayed_at;
    // Attempts are in their order. Those of several contacts run at the same time.
    let mut free_since = row
        .window
        .not_before
        .unwrap_or(row.created_at)
        .max(row.created_at);
    let mut ended = free_since;
    for (attempt, address) in attempts.into_iter().zip(addresses) {
        if let Some(at) = replayed.take_if(|at| *at <= attempt.started_at) {
            steps.push(TimelineStep::new("replayed", Some(at)));
            ended = ended.max(at);
        }
        if attempt.started_at >= ended {
            free_since = ended;
        }
        ended = end_of(&attempt).map_or(ended, |end| ended.max(end));
        let waited = attempt.started_at.duration_since(free_since).as_millis();
        let mut step = TimelineStep::new("attempt", Some(attempt.started_at));
        step.attempt = Some(TimelineAttempt {
            waited_ms: u64::try_from(waited).unwrap_or(0),
            address,
            attempt: view(attempt),
        });
        steps.push(step);
    }
    if replayed.is_some() {
        steps.push(TimelineStep::new("replayed", replayed));
    }
    steps.extend(end(row, timeline));
    if let Some(at) = timeline.read_at {
        steps.push(TimelineStep::new("read", Some(at)));
    }
    steps
}

/// How it ended, if it has.
fn end(row: &NotificationRow, timeline: &TimelineRow) -> Option<TimelineStep> {
    let status: Status = row.status.parse().ok()?;
    let at = match status {
        Status::Scheduled | Status::Pending | Status::Retrying => return None,
        Status::Processed => row.processed_at,
        Status::Failed => timeline.failed_at.or(timeline.ended_at),
        Status::Cancelled | Status::Expired | Status::Suppressed | Status::Digested => {
            timeline.ended_at
        }
    };
    let mut step = TimelineStep::new(status.as_str(), at);
    step.reason = timeline.failure_reason.clone().or_else(|| {
        let is_withheld = status != Status::Processed || row.r#type == Channel::InApp.as_str();
        row.reason.clone().filter(|_| is_withheld)
    });
    if status != Status::Processed {
        step.error.clone_from(&row.error_message);
    }
    Some(step)
}
