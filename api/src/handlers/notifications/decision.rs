use jiff::Timestamp;
use serde::Serialize;
use tidings_db::notifications::NotificationRow;
use tidings_domain::notification::Status;
use utoipa::ToSchema;

/// Answers why a notification was sent, waits, or was not sent.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Decision)]
pub struct DecisionView {
    /// `send`: it is sent or was sent. `hold`: it waits until `until`. `expire`: its time is over. `suppress`: nobody wants
    /// it. `digest`: it is a part of another notification. `cancel`: its sender cancelled it.
    #[schema(example = "send")]
    outcome: &'static str,
    /// Why, for example `schedule`; null if it is sent.
    reason: Option<String>,
    /// The field or setting that decided, for example `sendAt`; null if it is sent.
    #[schema(value_type = Option<String>)]
    rule: Option<&'static str>,
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
                    Some("schedule") => Some("sendAt"),
                    Some("broker") => Some("ACCEPT_WITHOUT_BROKER"),
                    Some("quiet_hours") => Some("quiet"),
                    Some("throttled") => Some("USER_LIMITS"),
                    _ => None,
                };
                ("hold", reason, rule)
            }
            Ok(Status::Expired) => ("expire", Some("expired".to_owned()), Some("expiresAt")),
            Ok(Status::Suppressed) => {
                let rule = match reason.as_deref() {
                    Some("throttled") => Some("USER_LIMITS"),
                    Some("preference") => Some("preferences"),
                    _ => None,
                };
                ("suppress", reason, rule)
            }
            Ok(Status::Digested) => ("digest", reason, None),
            Ok(Status::Cancelled) => ("cancel", Some("cancelled".to_owned()), None),
            Ok(Status::Pending | Status::Retrying | Status::Processed | Status::Failed)
            // A status of a newer version.
            | Err(_) => ("send", None, None),
        };
        Self {
            outcome,
            reason,
            rule,
            until: row.window.not_before.filter(|_| outcome == "hold"),
        }
    }
}
