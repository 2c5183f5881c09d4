use serde::{Deserialize, Serialize};

use super::{DecodeError, PLAIN, check_version, decode, write};
use crate::notification::MessageId;

/// A request to deliver a recorded notification. The content is in the row. Wire form: `{"v": 1, "messageId": "…"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryRequest {
    /// The id of the notification.
    pub message_id: MessageId,
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
            v: PLAIN,
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
        })
    }
}
