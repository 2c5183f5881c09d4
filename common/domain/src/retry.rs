//! The retry policy: how often, and after which delays, a message is retried. Pure values, without broker and clock.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The retry policy, and the label of the delay queues that implement it.
///
/// A failed attempt `n` (counted from 0) is followed by attempt `n + 1` after
/// `base · multiplier^n`, at most `cap`; after `max` retries the message is a dead letter.
///
/// The text form is `<max>x<base ms>x<multiplier>x<cap ms>`, for example `3x1000x5x3600000`. A ladder never changes:
/// other settings create another ladder with another label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ladder {
    /// The maximum number of retries: the largest `MAX_RETRIES` or `<CHANNEL>_MAX_RETRIES`.
    pub max: u32,
    /// Delay before the first retry, in milliseconds (`RETRY_BASE_DELAY_MS`).
    pub base_ms: u64,
    /// The factor between two delays (`RETRY_MULTIPLIER`).
    pub multiplier: u32,
    /// The longest delay, in milliseconds (`RETRY_MAX_DELAY_MS`).
    pub cap_ms: u64,
}

impl Ladder {
    /// The delay of rung `n` (1 to `max`), between attempt `n - 1` and attempt `n`.
    #[must_use]
    pub fn delay(&self, n: u32) -> Duration {
        let factor = u64::from(self.multiplier).saturating_pow(n.saturating_sub(1));
        Duration::from_millis(self.base_ms.saturating_mul(factor).min(self.cap_ms))
    }

    /// The numbers of the rungs, lowest first.
    pub fn rungs(&self) -> impl Iterator<Item = u32> + use<> {
        1..=self.max
    }
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            max,
            base_ms,
            multiplier,
            cap_ms,
        } = self;
        write!(f, "{max}x{base_ms}x{multiplier}x{cap_ms}")
    }
}

/// The text is not the label of a ladder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the label of a ladder, such as 3x1000x5x3600000")]
pub struct InvalidLadder;

impl FromStr for Ladder {
    type Err = InvalidLadder;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        fn number<T: FromStr>(part: Option<&str>) -> Result<T, InvalidLadder> {
            part.and_then(|digits| digits.parse().ok())
                .ok_or(InvalidLadder)
        }
        let mut parts = text.split('x');
        let ladder = Self {
            max: number(parts.next())?,
            base_ms: number(parts.next())?,
            multiplier: number(parts.next())?,
            cap_ms: number(parts.next())?,
        };
        if parts.next().is_none() {
            Ok(ladder)
        } else {
            Err(InvalidLadder)
        }
    }
}

/// The position of a message on a ladder: the number of its next attempt, counted from 0.
///
/// The position is the AMQP routing key `attempt.<n>.<ladder>`: the broker itself counts when it moves the message, so
/// that a crash cannot lose the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Failures so far.
    pub number: u32,
    /// The ladder of the message, which stays the same for all its attempts.
    pub ladder: Ladder,
}

impl Attempt {
    /// The first attempt on `ladder`.
    #[must_use]
    pub const fn first(ladder: Ladder) -> Self {
        Self { number: 0, ladder }
    }

    /// Whether this is the last attempt with `max_retries`. The ladder may have more rungs, because several kinds of
    /// messages share it, or fewer, because it is older.
    #[must_use]
    pub const fn is_last(&self, max_retries: u32) -> bool {
        self.number >= self.ladder.max || self.number >= max_retries
    }

    /// Parses a routing key. If it returns `None`, the caller must treat the attempts as exhausted; otherwise the
    /// message would be retried forever.
    #[must_use]
    pub fn from_routing_key(key: &str) -> Option<Self> {
        let (number, ladder) = key.strip_prefix("attempt.")?.split_once('.')?;
        Some(Self {
            number: number.parse().ok()?,
            ladder: ladder.parse().ok()?,
        })
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt.{}.{}", self.number, self.ladder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: Ladder = Ladder {
        max: 3,
        base_ms: 1000,
        multiplier: 5,
        cap_ms: 3_600_000,
    };

    #[test]
    fn delays_grow_by_the_multiplier_up_to_the_cap() {
        let delays = |ladder: Ladder| {
            ladder
                .rungs()
                .map(|n| ladder.delay(n).as_millis())
                .collect::<Vec<_>>()
        };
        assert_eq!(delays(DEFAULT), [1_000, 5_000, 25_000]);
        assert_eq!(
            delays(Ladder {
                cap_ms: 4_000,
                ..DEFAULT
            }),
            [1_000, 4_000, 4_000]
        );
        assert_eq!(delays(Ladder { max: 0, ..DEFAULT }), [0; 0]);
    }

    #[test]
    fn the_delay_of_a_very_high_rung_is_the_cap() {
        let ladder = Ladder {
            max: 1_000,
            ..DEFAULT
        };
        assert_eq!(ladder.delay(1_000), Duration::from_hours(1));
    }

    #[test]
    fn a_routing_key_is_parsed_as_it_was_formatted() {
        let attempt = Attempt {
            number: 2,
            ladder: DEFAULT,
        };
        assert_eq!(attempt.to_string(), "attempt.2.3x1000x5x3600000");
        assert_eq!(
            Attempt::from_routing_key(&attempt.to_string()),
            Some(attempt)
        );
    }

    #[test]
    fn other_routing_keys_are_not_parsed() {
        for key in [
            "",
            "attempt",
            "attempt.1",
            "attempt.x.3x1x1x1",
            "attempt.1.3x1x1",
            "attempt.1.3x1x1x1x1",
            "attempt.-1.3x1x1x1",
            "try.1.3x1x1x1",
        ] {
            assert_eq!(Attempt::from_routing_key(key), None, "{key}");
        }
    }

    #[test]
    fn the_last_attempt_is_the_one_after_the_highest_rung() {
        let last = |number, max_retries| {
            let ladder = DEFAULT;
            Attempt { number, ladder }.is_last(max_retries)
        };
        let attempts = [0, 1, 2, 3, 4];
        assert_eq!(
            attempts.map(|n| last(n, 8)),
            [false, false, false, true, true],
            "an older, shorter ladder"
        );
        assert_eq!(
            attempts.map(|n| last(n, 1)),
            [false, true, true, true, true],
            "a ladder that others climb further"
        );
    }
}
