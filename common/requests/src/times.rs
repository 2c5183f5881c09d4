//! `sendAt`, `expiresAt`, `ttlSecs` and `group` of a notification.

use jiff::Timestamp;
use tidings_domain::notification::GroupKey;
use tidings_domain::time::{DeliveryWindow, Expiry, InvalidDeliveryWindow, SendAt};

use crate::{InvalidObject, ObjectReader, values};

/// The fields.
pub const FIELDS: [&str; 4] = ["sendAt", "expiresAt", "ttlSecs", "group"];

/// When a notification is to be sent, and its group, as the client gave them.
#[derive(Debug, Default)]
pub struct NotificationTimes {
    /// `sendAt`.
    pub send_at: Option<SendAt>,
    /// `expiresAt` or `ttlSecs`.
    pub expiry: Option<Expiry>,
    /// `group`.
    pub group: Option<GroupKey>,
}

impl NotificationTimes {
    /// Reads the fields. `reader` holds the problems.
    pub fn read<E: From<InvalidObject>>(reader: &mut ObjectReader<'_, E>) -> Self {
        let [send_at, expires_at, ttl_secs, group] = FIELDS;
        let send_at = reader
            .value(send_at)
            .map(|value| SendAt::read(value, send_at));
        let expiry = Expiry::read(reader.value(expires_at), reader.value(ttl_secs));
        Self {
            send_at: send_at.and_then(|read| reader.merge(read)),
            expiry: reader.merge(expiry).flatten(),
            group: reader.optional(group, values::parsed),
        }
    }

    /// The window in which a notification that is accepted at `now` may be sent, at most `max_days` ahead.
    ///
    /// # Errors
    ///
    /// Returns `send_at_too_far` or `expires_before_send`.
    pub fn window(
        &self,
        now: Timestamp,
        max_days: u32,
    ) -> Result<DeliveryWindow, InvalidDeliveryWindow> {
        DeliveryWindow::new(self.send_at.as_ref(), self.expiry, now, max_days)
    }
}
