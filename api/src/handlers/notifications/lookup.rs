use tidings_db::notifications::{self, NotificationRow};
use tidings_db::{DbError, GenericClient};
use tidings_domain::notification::MessageId;

use crate::auth::{AllowedUsers, Caller};
use crate::error::{ApiError, ErrorDetail};

/// The message id in a path, with the users whose notifications the caller may read.
pub struct NotificationLookup {
    pub id: MessageId,
    users: AllowedUsers,
}

impl NotificationLookup {
    /// Parses the message id in the path.
    ///
    /// # Errors
    ///
    /// Returns 403 if the caller may not read any notification, and 400 if the id is not a UUID.
    pub fn new(caller: &Caller, id: &str) -> Result<Self, ApiError> {
        let users = caller.check_read()?;
        let id = id.parse().map_err(|_| {
            let details = vec![ErrorDetail::new("messageId", "must be a UUID")];
            ApiError::bad_request(
                "invalid_message_id",
                "The message id in the path must be a UUID",
                details,
            )
        })?;
        Ok(Self { id, users })
    }

    /// Finds the notification, if it is recorded and the caller may read it. A notification of
    /// another user counts as absent, so that callers cannot probe for ids.
    pub async fn find(
        &self,
        client: &impl GenericClient,
    ) -> Result<Option<NotificationRow>, DbError> {
        let found = notifications::find(client, self.id).await?;
        Ok(found.filter(|row| self.users.includes(row.user_id)))
    }

    /// The 404 response.
    pub fn not_found() -> ApiError {
        ApiError::not_found(
            "There is no notification with this message id, or it is not recorded yet",
        )
    }
}
