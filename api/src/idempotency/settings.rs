use std::time::Duration;

use tidings_settings::{Reader, table};

/// How requests with an idempotency key are compared with earlier ones.
#[derive(Clone, Copy, Debug)]
pub struct IdempotencySettings {
    /// `IDEMPOTENCY_LOOKUP_MS`: how long a request waits for PostgreSQL. `None` if it is not asked.
    pub lookup: Option<Duration>,
    /// `PUBLISH_TIMEOUT_MS`: how long a request waits for another one with the same key.
    pub wait: Duration,
}

impl IdempotencySettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        let lookup = Duration::from_millis(reader.value(table::IDEMPOTENCY_LOOKUP_MS));
        Self {
            lookup: (!lookup.is_zero()).then_some(lookup),
            wait: Duration::from_millis(reader.value(table::PUBLISH_TIMEOUT_MS)),
        }
    }
}
