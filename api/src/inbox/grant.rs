use jiff::Timestamp;
use tidings_db::notifications::PayloadReader;
use tidings_domain::access::{ApiKeyId, SessionId};
use tidings_domain::notification::UserId;

/// The right to read a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamGrant {
    /// The owner of the inbox.
    pub user: UserId,
    /// Who reads it.
    pub reader: PayloadReader,
    /// When the right ends.
    pub until: Option<Timestamp>,
    /// The session of the user that the right ends with.
    pub session: Option<SessionId>,
    /// The API key that the right ends with.
    pub key: Option<ApiKeyId>,
}
