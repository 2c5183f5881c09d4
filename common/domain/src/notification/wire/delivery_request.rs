use serde::{Deserialize, Serialize};

use super::{DecodeError, PLAIN, WITHOUT_USER, check_version, decode, write};
use crate::notification::MessageId;

/// A request to deliver a recorded notification. The content is in the row. Wire form: `{"v": 1, "messageId": "…"}`, with
/// version 3 if the notification has no target user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryRequest {
    /// The id of the notification.
    pub message_id: MessageId,
    /// Whether the notification has a target user.
    pub has_user: bool,
}

impl From<MessageId> for DeliveryRequest {
    /// The request for a notification that has a target user.
    fn from(message_id: MessageId) -> Self {
        Self {
            message_id,
            has_user: true,
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
            v: if self.has_user { PLAIN } else { WITHOUT_USER },
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
            has_user: read.v != WITHOUT_USER,
        })
    }
}
