use tidings_domain::notification::UserId;

use crate::{InvalidObject, ObjectReader, values};

const USER_ID: &str = "user_id";

/// The event `user.delete`: `{"user_id"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserDeleteEvent {
    /// The user.
    pub user_id: UserId,
}

impl UserDeleteEvent {
    /// Parses the body of an event.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidObject> {
        let mut reader =
            ObjectReader::<InvalidObject>::parse(body, &[USER_ID], "user.delete event")?;
        let user_id = reader.required(USER_ID, values::parsed::<UserId>);
        reader.finish(user_id.map(|user_id| Self { user_id }))
    }
}
