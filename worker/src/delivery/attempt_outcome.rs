//! What `delivery_attempts` says about a send.

use tidings_db::delivery_attempts::AttemptOutcome;

use crate::providers::SendOutcome;

/// The outcome of a send as recorded in `delivery_attempts`.
pub const fn attempt_outcome(outcome: &SendOutcome) -> AttemptOutcome {
    match outcome {
        SendOutcome::Delivered { .. } => AttemptOutcome::Delivered,
        SendOutcome::Failed { .. } | SendOutcome::RefusedForNow { .. } => AttemptOutcome::Failed,
        SendOutcome::Unknown { .. } => AttemptOutcome::Unknown,
        SendOutcome::Rejected { .. } | SendOutcome::OptedOut { .. } => AttemptOutcome::Rejected,
        SendOutcome::NotSent { .. } => AttemptOutcome::NotSent,
        SendOutcome::AddressGone { .. } => AttemptOutcome::Gone,
        SendOutcome::Throttled { .. } => AttemptOutcome::Throttled,
        SendOutcome::CredentialsRefused { .. } | SendOutcome::InstallationRefused { .. } => {
            AttemptOutcome::CredentialsRefused
        }
    }
}

/// The error text of an outcome; `None` if the message was delivered.
pub fn error_text(outcome: &SendOutcome) -> Option<&str> {
    match outcome {
        SendOutcome::Delivered { .. } => None,
        SendOutcome::Failed { error }
        | SendOutcome::RefusedForNow { error }
        | SendOutcome::Unknown { error }
        | SendOutcome::Rejected { error }
        | SendOutcome::NotSent { error }
        | SendOutcome::AddressGone { error }
        | SendOutcome::OptedOut { error }
        | SendOutcome::Throttled { error, .. }
        | SendOutcome::CredentialsRefused { error }
        | SendOutcome::InstallationRefused { error, .. } => Some(error),
    }
}
