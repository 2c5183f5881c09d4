use std::fmt;
use std::time::Duration;

/// A direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

impl Direction {
    /// Returns the opposite direction.
    pub const fn opposite(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }
}

/// Network conditions, for established and new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conditions {
    /// No fault.
    Normal,
    /// All bytes are dropped, and the end of a connection too. New connections reach nobody.
    Dropped,
    /// The same in one direction only.
    HalfOpen(Direction),
    /// Limited to this many bytes a second on each connection and direction.
    Slow(u32),
    /// Every connection is reset.
    Reset,
    /// All bytes arrive later, in order.
    Delayed(Duration),
}

impl Conditions {
    /// Returns whether bytes in `direction` are dropped.
    pub fn drops(self, direction: Direction) -> bool {
        self == Self::Dropped || self == Self::HalfOpen(direction)
    }

    /// Returns whether any bytes are dropped.
    pub fn drops_any(self) -> bool {
        self.drops(Direction::ToServer) || self.drops(Direction::ToClient)
    }

    /// Returns how much later bytes arrive.
    pub const fn delay(self) -> Duration {
        match self {
            Self::Delayed(by) => by,
            _ => Duration::ZERO,
        }
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("normal"),
            Self::Dropped => f.write_str("drops everything"),
            Self::HalfOpen(Direction::ToServer) => {
                f.write_str("half-open: the server receives nothing")
            }
            Self::HalfOpen(Direction::ToClient) => {
                f.write_str("half-open: the client receives nothing")
            }
            Self::Slow(rate) => write!(f, "slow: {rate} bytes a second"),
            Self::Reset => f.write_str("resets connections"),
            Self::Delayed(by) => write!(f, "everything arrives {} ms late", by.as_millis()),
        }
    }
}
