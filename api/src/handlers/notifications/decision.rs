use jiff::Timestamp;
use serde::Serialize;
use tidings_db::notifications::{NotificationRow, WithheldBy};
use tidings_domain::explanation::{Outcome, Rule};
use tidings_domain::notification::Status;
use utoipa::ToSchema;

use crate::handlers::preferences::ChoiceView;

/// Answers why a notification was sent, waits, or was not sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Decision)]
pub struct DecisionView {
    /// `send`: it is sent or was sent. `hold`: it waits until `until`. `expire`: its time is over. `suppress`: nobody wants
    /// it. `digest`: it is a part of another notification. `cancel`: its sender cancelled it.
    #[schema(example = "send")]
    outcome: &'static str,
    /// Why, for example `schedule`; null if it is sent.
    reason: Option<String>,
    /// The rule that decided; null if it is sent. `sendAt`; `expiresAt`; `cancellation`; `deletion`: that of the user;
    /// `preferences`: see `choice`; `defaults`: those of the category; `digest`; `sending`: an operator has stopped the
    /// channel; `quiet`: the quiet hours of the user; `throttle`: the limit of the category; `USER_LIMITS`;
    /// `ACCEPT_WITHOUT_BROKER`.
    #[schema(value_type = Option<String>)]
    rule: Option<&'static str>,
    /// The choice that decided. Absent if the recipient has chosen otherwise since.
    #[serde(skip_serializing_if = "Option::is_none")]
    choice: Option<ChoiceView>,
    /// The earliest time to send, if it waits.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

impl DecisionView {
    /// Explains the status of a row.
    pub fn of(row: &NotificationRow) -> Self {
        let reason = row.reason.clone();
        let (outcome, reason, rule) = match row.status.parse() {
            Ok(Status::Scheduled) => {
                let rule = match reason.as_deref() {
                    Some("schedule") => Some(Rule::SendAt),
                    Some("broker") => Some(Rule::AcceptWithoutBroker),
                    Some("quiet_hours") => Some(Rule::QuietHours),
                    Some("throttled") => Some(Rule::UserLimits),
                    Some("digest") => Some(Rule::Digest),
                    _ => None,
                };
                ("hold", reason, rule)
            }
            Ok(Status::Expired) => ("expire", Some("expired".to_owned()), Some(Rule::ExpiresAt)),
            Ok(Status::Suppressed) => {
                let rule = match reason.as_deref() {
                    Some("throttled") => Some(Rule::UserLimits),
                    Some("preference") => Some(Rule::Preferences),
                    Some("user_gone") => Some(Rule::Deletion),
                    _ => None,
                };
                ("suppress", reason, rule)
            }
            Ok(Status::Digested) => ("digest", reason, Some(Rule::Digest)),
            Ok(Status::Cancelled) => (
                "cancel",
                Some("cancelled".to_owned()),
                Some(Rule::Cancellation),
            ),
            Ok(Status::Pending | Status::Retrying | Status::Processed | Status::Failed)
            // A status of a newer version.
            | Err(_) => ("send", None, None),
        };
        Self {
            outcome,
            reason,
            rule: rule.map(Rule::as_str),
            choice: None,
            until: row
                .window
                .not_before
                .or(row.digest_closes_at)
                .filter(|_| outcome == "hold"),
        }
    }

    /// Names the rule exactly, if the row alone does not.
    pub fn by(self, rule: Option<&WithheldBy>) -> Self {
        let (rule, choice) = match rule {
            None => return self,
            Some(WithheldBy::Preferences(choice)) => {
                (Rule::Preferences, choice.as_ref().map(ChoiceView::from))
            }
            Some(WithheldBy::CategoryDefault) => (Rule::Defaults, None),
            Some(WithheldBy::Throttle) => (Rule::Throttle, None),
            Some(WithheldBy::UserLimits) => (Rule::UserLimits, None),
        };
        Self {
            rule: Some(rule.as_str()),
            choice,
            ..self
        }
    }

    /// Says that it waits until its channel is started again.
    pub fn stopped() -> Self {
        let outcome = Outcome::STOPPED;
        Self {
            outcome: outcome.as_str(),
            reason: outcome.reason().map(str::to_owned),
            rule: Some(Rule::Sending.as_str()),
            choice: None,
            until: outcome.until(),
        }
    }
}
