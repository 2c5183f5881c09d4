use std::fmt;
use std::time::Duration;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From whoever connected.
    There,
    /// To whoever connected.
    Back,
}

impl Direction {
    /// The other one.
    pub const fn opposite(self) -> Self {
        match self {
            Self::There => Self::Back,
            Self::Back => Self::There,
        }
    }
}

/// What the network does to connections, to those that are there and to new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// It works.
    Clear,
    /// Whatever is sent vanishes, the end of a connection included; new connections go nowhere.
    Dropped,
    /// The same, one way alone.
    HalfOpen(Direction),
    /// So many bytes a second on each connection, each way.
    Slow(u32),
    /// Every connection is reset at once.
    Reset,
    /// Everything arrives later, in order.
    Delayed(Duration),
}

impl Weather {
    /// Whether what goes in `direction` vanishes.
    pub fn swallows(self, direction: Direction) -> bool {
        self == Self::Dropped || self == Self::HalfOpen(direction)
    }

    /// Whether anything vanishes.
    pub fn swallows_any(self) -> bool {
        self.swallows(Direction::There) || self.swallows(Direction::Back)
    }

    /// How much later things arrive.
    pub const fn delay(self) -> Duration {
        match self {
            Self::Delayed(by) => by,
            _ => Duration::ZERO,
        }
    }
}

impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clear => f.write_str("clear"),
            Self::Dropped => f.write_str("drops everything"),
            Self::HalfOpen(Direction::There) => f.write_str("half-open: nothing gets there"),
            Self::HalfOpen(Direction::Back) => f.write_str("half-open: nothing comes back"),
            Self::Slow(rate) => write!(f, "slow: {rate} bytes a second"),
            Self::Reset => f.write_str("resets connections"),
            Self::Delayed(by) => write!(f, "everything {} ms late", by.as_millis()),
        }
    }
}
