use std::time::Duration;

use tidings_settings::{Reader, table};

/// How notifications are accepted while RabbitMQ is away.
#[derive(Clone, Copy, Debug)]
pub struct AcceptanceSettings {
    /// `ACCEPT_WITHOUT_BROKER`: whether PostgreSQL takes notifications while RabbitMQ does not.
    pub enabled: bool,
    /// `ACCEPT_HEDGE_MS`: how long the API waits for the confirm of RabbitMQ before it asks PostgreSQL too.
    pub hedge: Duration,
    /// `ACCEPT_DB_CONNECTIONS`: connections to PostgreSQL for this.
    pub connections: usize,
    /// `PUBLISH_TIMEOUT_MS`: the limit for both ways together.
    pub timeout: Duration,
    /// `QUEUE_MAX_LENGTH`; 0 is no limit.
    pub queue_max_length: u32,
}

impl AcceptanceSettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        let timeout = Duration::from_millis(reader.value(table::PUBLISH_TIMEOUT_MS));
        let hedge = Duration::from_millis(reader.value(table::ACCEPT_HEDGE_MS));
        Self {
            enabled: reader.value(table::ACCEPT_WITHOUT_BROKER),
            // PostgreSQL needs time too.
            hedge: hedge.min(timeout / 2),
            connections: reader.value(table::ACCEPT_DB_CONNECTIONS),
            timeout,
            queue_max_length: reader.value(table::QUEUE_MAX_LENGTH),
        }
    }
}
