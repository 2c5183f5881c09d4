//! The period in which a notification may be sent.

use jiff::Timestamp;

use super::{Expiry, SendAt, SendAtTooFar};

/// The period in which a notification may be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryWindow {
    /// The instant before which the notification must not be sent. `None` if it may be sent at once.
    pub not_before: Option<Timestamp>,
    /// The instant from which the notification must not be sent. `None` if it never expires.
    pub expires_at: Option<Timestamp>,
}

/// `sendAt`, `expiresAt` and `ttlSecs` give no period. The message continues with the [field](Self::field)'s name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDeliveryWindow {
    /// `sendAt` is too far ahead.
    #[error(transparent)]
    SendAtTooFar(#[from] SendAtTooFar),
    /// The notification expires at or before the time when it is to be sent.
    #[error("must be after sendAt, and in the future")]
    ExpiresBeforeSend,
}

impl InvalidDeliveryWindow {
    /// The code of the error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SendAtTooFar(error) => error.code(),
            Self::ExpiresBeforeSend => "expires_before_send",
        }
    }

    /// The field that is wrong.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::SendAtTooFar(_) => "sendAt",
            Self::ExpiresBeforeSend => "expiresAt",
        }
    }
}

impl DeliveryWindow {
    /// The period of a notification that is accepted at `now`. A `sendAt` in the past means `now`. At most `max_days`
    /// days ahead (`SCHEDULE_MAX_DAYS`).
    ///
    /// # Errors
    ///
    /// Returns an error if the notification is to be sent too late, or would expire before it is sent.
    pub fn new(
        send_at: Option<&SendAt>,
        expiry: Option<Expiry>,
        now: Timestamp,
        max_days: u32,
    ) -> Result<Self, InvalidDeliveryWindow> {
        let not_before = match send_at {
            Some(send_at) => send_at.not_before(now, max_days)?,
            None => None,
        };
        let sent = not_before.unwrap_or(now);
        let expires_at = expiry.map(|expiry| expiry.instant(sent));
        if expires_at.is_some_and(|expires_at| expires_at <= sent) {
            return Err(InvalidDeliveryWindow::ExpiresBeforeSend);
        }
        Ok(Self {
            not_before,
            expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAYS: u32 = 366;

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    fn window(
        send_at: Option<&str>,
        expiry: Option<Expiry>,
    ) -> Result<DeliveryWindow, InvalidDeliveryWindow> {
        let send_at = send_at.map(|text| SendAt::Instant(at(text)));
        DeliveryWindow::new(send_at.as_ref(), expiry, at("2027-01-01T00:00:00Z"), DAYS)
    }

    #[test]
    fn without_times_a_notification_is_sent_at_once_and_never_expires() {
        assert_eq!(window(None, None), Ok(DeliveryWindow::default()));
        let past = window(Some("2026-12-31T00:00:00Z"), None);
        assert_eq!(past, Ok(DeliveryWindow::default()));
    }

    #[test]
    fn the_time_to_live_begins_when_the_notification_is_to_be_sent() {
        for (send_at, expires_at) in [
            (None, "2027-01-01T00:01:00Z"),
            (Some("2026-12-01T00:00:00Z"), "2027-01-01T00:01:00Z"),
            (Some("2027-02-01T00:00:00Z"), "2027-02-01T00:01:00Z"),
        ] {
            let window = window(send_at, Some(Expiry::After(60))).expect("a period");
            assert_eq!(window.expires_at, Some(at(expires_at)), "{send_at:?}");
        }
    }

    #[test]
    fn a_notification_must_not_expire_before_it_is_sent() {
        for (send_at, expires_at) in [
            (None, "2027-01-01T00:00:00Z"),
            (None, "2020-01-01T00:00:00Z"),
            (Some("2026-01-01T00:00:00Z"), "2027-01-01T00:00:00Z"),
            (Some("2027-02-01T00:00:00Z"), "2027-02-01T00:00:00Z"),
            (Some("2027-02-01T00:00:00Z"), "2027-01-15T00:00:00Z"),
        ] {
            let error = window(send_at, Some(Expiry::At(at(expires_at)))).expect_err(expires_at);
            assert_eq!(error.code(), "expires_before_send");
            assert_eq!(error.field(), "expiresAt");
        }
        let expiry = Expiry::At(at("2027-02-01T00:00:00.000001Z"));
        assert!(window(Some("2027-02-01T00:00:00Z"), Some(expiry)).is_ok());
    }

    #[test]
    fn a_notification_must_not_be_sent_too_late() {
        let error = window(Some("2029-01-01T00:00:00Z"), None).expect_err("too far");
        assert_eq!((error.code(), error.field()), ("send_at_too_far", "sendAt"));
        assert_eq!(error.to_string(), "must be at most 366 days ahead");
    }
}
