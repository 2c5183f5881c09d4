use serde::{Deserialize, Serialize};

use super::{
    DecodeError, PLAIN, WITH_CATEGORY, WITH_DIGEST, WITHOUT_USER, check_version, decode, write,
};
use crate::notification::MessageId;

/// A request to deliver a recorded notification. The content is in the row. Wire form: `{"v": 1, "messageId": "…"}`; the
/// version depends on the [`DeliveryKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryRequest {
    /// The id of the notification.
    pub message_id: MessageId,
    /// What a program must know to deliver it.
    pub kind: DeliveryKind,
}

/// What a program must know to deliver a notification. One that does not makes the request a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryKind {
    /// A notification with a target user and without a category: version 1.
    Plain,
    /// A notification without a target user and without a category: version 3.
    WithoutUser,
    /// A notification with a category: version 4.
    WithCategory,
}

impl DeliveryKind {
    /// The kind of a notification.
    #[must_use]
    pub const fn of(has_user: bool, has_category: bool) -> Self {
        match (has_user, has_category) {
            (_, true) => Self::WithCategory,
            (false, false) => Self::WithoutUser,
            (true, false) => Self::Plain,
        }
    }

    const fn version(self) -> u32 {
        match self {
            Self::Plain => PLAIN,
            Self::WithoutUser => WITHOUT_USER,
            Self::WithCategory => WITH_CATEGORY,
        }
    }
}

impl From<MessageId> for DeliveryRequest {
    /// The request for a notification that has a target user and no category.
    fn from(message_id: MessageId) -> Self {
        Self {
            message_id,
            kind: DeliveryKind::Plain,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeliveryWire {
    v: u32,
    message_id: MessageId,
}

impl DeliveryRequest {
    /// Encodes the wire form.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let mut body = Vec::with_capacity(64);
        let out = DeliveryWire {
            v: self.kind.version(),
            message_id: self.message_id,
        };
        write(&mut body, &out);
        body
    }

    /// Decodes the wire form.
    ///
    /// # Errors
    ///
    /// Returns an error if `body` is not a delivery request of this version.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let read: DeliveryWire = decode(body)?;
        check_version(read.v)?;
        Ok(Self {
            message_id: read.message_id,
            kind: match read.v {
                WITH_CATEGORY | WITH_DIGEST => DeliveryKind::WithCategory,
                WITHOUT_USER => DeliveryKind::WithoutUser,
                _ => DeliveryKind::Plain,
            },
        })
    }
}
