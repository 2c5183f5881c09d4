//! The results of notifications, as messages.

use tidings_domain::notification::MessageId;
use tidings_proto::tidings_v1::send_result::Result as Outcome;
use tidings_proto::tidings_v1::{Accepted, FieldError, Refused, SendResult};

use crate::error::ApiError;
use crate::handlers::notifications::accept;
use crate::handlers::notifications::batch::{ItemError, ItemResult};

/// The message for an accepted notification.
pub fn accepted(message_id: MessageId, replayed: bool) -> Accepted {
    Accepted {
        message_id: message_id.to_string(),
        replayed,
    }
}

/// The result of a notification of a stream.
pub fn of_accept(result: &Result<accept::Accepted, ApiError>) -> SendResult {
    let outcome = match result {
        Ok(of) => Outcome::Accepted(accepted(of.message_id, of.replayed)),
        Err(error) => refused(&ItemError::from(error), error.status.is_server_error()),
    };
    SendResult {
        result: Some(outcome),
    }
}

/// The result of a notification of a batch.
pub fn of_item(result: &ItemResult) -> SendResult {
    let outcome = match result {
        ItemResult::Queued {
            message_id,
            replayed,
            ..
        } => Outcome::Accepted(accepted(*message_id, *replayed)),
        ItemResult::Refused {
            retryable, error, ..
        } => refused(error, *retryable),
    };
    SendResult {
        result: Some(outcome),
    }
}

fn refused(error: &ItemError, retryable: bool) -> Outcome {
    let details = error.details.iter().map(|detail| FieldError {
        field: detail.field.clone(),
        message: detail.message.clone(),
    });
    Outcome::Refused(Refused {
        code: error.code.to_owned(),
        message: error.message.clone(),
        details: details.collect(),
        retryable,
    })
}
