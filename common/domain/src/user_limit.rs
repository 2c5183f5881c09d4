//! How many notifications a user gets by a channel.

use std::str::FromStr;
use std::time::Duration;

use crate::notification::DeliveredChannel;

/// At most this many notifications in the last `window`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserLimit {
    /// How many.
    pub count: u32,
    /// The time in which they count.
    pub window: Duration,
}

/// The limit of a channel: `sms=20/day`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelLimit {
    /// The channel.
    pub channel: DeliveredChannel,
    /// Its limit.
    pub limit: UserLimit,
}

/// Why a text is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLimit {
    /// It has another form.
    #[error("must have the form sms=20/day")]
    Form,
    /// The channel is none, or is in-app.
    #[error("must begin with email=, sms=, push= or webhook=")]
    Channel,
    /// The number is none, or too small or too large.
    #[error("must have a number from 1 to {MAX_COUNT} before the slash")]
    Count,
    /// The window is unknown.
    #[error("must end with /minute, /hour or /day")]
    Window,
}

/// The largest limit. All that counts is read for each delivery.
const MAX_COUNT: u32 = 10_000;

impl FromStr for ChannelLimit {
    type Err = InvalidLimit;

    fn from_str(text: &str) -> Result<Self, InvalidLimit> {
        let (name, limit) = text.split_once('=').ok_or(InvalidLimit::Form)?;
        let (count, window) = limit.split_once('/').ok_or(InvalidLimit::Form)?;
        let mut channels = DeliveredChannel::ALL.into_iter();
        let channel = channels
            .find(|channel| channel.as_str() == name)
            .ok_or(InvalidLimit::Channel)?;
        if !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidLimit::Count);
        }
        let count = count.parse().map_err(|_| InvalidLimit::Count)?;
        if !(1..=MAX_COUNT).contains(&count) {
            return Err(InvalidLimit::Count);
        }
        let window = match window {
            "minute" => Duration::from_mins(1),
            "hour" => Duration::from_hours(1),
            "day" => Duration::from_hours(24),
            _ => return Err(InvalidLimit::Window),
        };
        Ok(Self {
            channel,
            limit: UserLimit { count, window },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        for (text, channel, count, secs) in [
            ("sms=20/day", DeliveredChannel::Sms, 20, 86_400),
            ("email=10000/hour", DeliveredChannel::Email, 10_000, 3600),
            ("webhook=1/minute", DeliveredChannel::Webhook, 1, 60),
        ] {
            let window = Duration::from_secs(secs);
            let limit = UserLimit { count, window };
            assert_eq!(text.parse(), Ok(ChannelLimit { channel, limit }));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for (text, expected) in [
            ("sms", InvalidLimit::Form),
            ("sms=20", InvalidLimit::Form),
            ("=20/day", InvalidLimit::Channel),
            ("in-app=20/day", InvalidLimit::Channel),
            ("SMS=20/day", InvalidLimit::Channel),
            ("sms =20/day", InvalidLimit::Channel),
            ("sms=/day", InvalidLimit::Count),
            ("sms=0/day", InvalidLimit::Count),
            ("sms=+5/day", InvalidLimit::Count),
            ("sms=1.5/day", InvalidLimit::Count),
            ("sms=10001/day", InvalidLimit::Count),
            ("sms=99999999999/day", InvalidLimit::Count),
            ("sms=20/", InvalidLimit::Window),
            ("sms=20/days", InvalidLimit::Window),
            ("sms=20/day/day", InvalidLimit::Window),
        ] {
            assert_eq!(text.parse::<ChannelLimit>(), Err(expected), "{text}");
        }
    }
}
