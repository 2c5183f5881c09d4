//! `sendAt`, `expiresAt`, `ttlSecs` and `group` of a notification.

use jiff::Timestamp;
use tidings_domain::notification::GroupKey;
use tidings_domain::time::{DeliveryWindow, Expiry, SendAt};

use crate::error::{ApiError, ErrorDetail};
use crate::json_body::{ObjectReader, values};

/// The fields.
pub const FIELDS: [&str; 4] = ["sendAt", "expiresAt", "ttlSecs", "group"];

/// When a notification is to be sent, and its group, as the client gave them.
#[derive(Debug, Default)]
pub struct NotificationTimes {
    pub send_at: Option<SendAt>,
    pub expiry: Option<Expiry>,
    pub group: Option<GroupKey>,
}

impl NotificationTimes {
    /// Reads the fields. `reader` holds the problems.
    pub fn read(reader: &mut ObjectReader<'_>) -> Self {
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
    /// Returns 400 `send_at_too_far` or `expires_before_send`.
    pub fn window(&self, now: Timestamp, max_days: u32) -> Result<DeliveryWindow, ApiError> {
        let window = DeliveryWindow::new(self.send_at.as_ref(), self.expiry, now, max_days);
        window.map_err(|error| {
            let message = format!("Invalid fields: {}: {error}", error.field());
            let details = vec![ErrorDetail::new(error.field(), error.to_string())];
            ApiError::bad_request(error.code(), message, details)
        })
    }
}
