use jiff::Timestamp;

/// When a notification may be sent, in microseconds, as PostgreSQL stores times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Not before this time.
    pub not_before: Option<Timestamp>,
    /// No send begins at this time or later.
    pub expires_at: Option<Timestamp>,
}
