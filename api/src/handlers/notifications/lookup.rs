use tidings_domain::notification::{MessageId, UserId};

use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};

/// The message id in a path. A notification of another user counts as absent, so that callers cannot probe for ids.
#[derive(Clone, Copy, Debug)]
pub struct NotificationLookup {
    /// The id.
    pub id: MessageId,
    /// The required owner; `None` if the caller may read the notifications of all users.
    pub owner: Option<UserId>,
}

impl NotificationLookup {
    /// Parses the message id in the path.
    ///
    /// # Errors
    ///
    /// Returns 403 if the caller may not read any notification, and 400 if the id is not a UUID.
    pub fn new(caller: &Caller, id: &str) -> Result<Self, ApiError> {
        let owner = caller.check_find()?.owner();
        let id = parse_message_id(id)?;
        Ok(Self { id, owner })
    }

    /// The 404 response.
    pub fn not_found() -> ApiError {
        ApiError::not_found(
            "There is no notification with this message id, or it is not recorded yet",
        )
    }
}

/// Parses the message id in a path.
///
/// # Errors
///
/// Returns 400 if it is not a UUID.
pub fn parse_message_id(id: &str) -> Result<MessageId, ApiError> {
    id.parse().map_err(|_| {
        let details = vec![ErrorDetail::new("messageId", "must be a UUID")];
        ApiError::bad_request(
            "invalid_message_id",
            "The message id in the path must be a UUID",
            details,
        )
    })
}
