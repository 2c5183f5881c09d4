use tidings_db::notifications::{self, NotificationRow};
use tidings_db::{DbError, GenericClient};
use tidings_domain::notification::MessageId;

use crate::auth::{Caller, Readable};
use crate::error::{ApiError, Detail};

/// A notification that a path names, for a caller who may read some.
pub struct Wanted {
    pub id: MessageId,
    readable: Readable,
}

impl Wanted {
    /// Reads the path's message id.
    ///
    /// # Errors
    ///
    /// 403 where the caller may read nothing, 400 where the id is none.
    pub fn by(caller: &Caller, id: &str) -> Result<Self, ApiError> {
        let readable = caller.check_read()?;
        let id = id.parse().map_err(|_| {
            let details = vec![Detail::new("messageId", "must be a UUID")];
            ApiError::bad_request(
                "invalid_message_id",
                "The message id in the path must be a UUID",
                details,
            )
        })?;
        Ok(Self { id, readable })
    }

    /// The notification, where it is recorded and the caller may read it. Somebody else's looks like
    /// none, so that ids cannot be tried out.
    pub async fn find(
        &self,
        client: &impl GenericClient,
    ) -> Result<Option<NotificationRow>, DbError> {
        let found = notifications::find(client, self.id).await?;
        Ok(found.filter(|row| self.readable.includes(row.user_id)))
    }

    /// 404.
    pub fn not_found() -> ApiError {
        ApiError::not_found(
            "There is no notification with this message id, or it is not recorded yet",
        )
    }
}
