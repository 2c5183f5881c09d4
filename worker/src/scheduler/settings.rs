use std::time::Duration;

use tidings_settings::{Reader, table};

/// How a scheduler works.
#[derive(Clone, Copy, Debug)]
pub struct SchedulerSettings {
    /// `SCHEDULER_BATCH_SIZE`: maximum number of due notifications in one transaction.
    pub batch_size: u32,
    /// `SCHEDULER_POLL_MS`: how often it looks for due notifications.
    pub poll: Duration,
    /// `PUBLISH_TIMEOUT_MS`: how long the publish of a batch may take.
    pub publish_timeout: Duration,
}

impl SchedulerSettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            batch_size: reader.value(table::SCHEDULER_BATCH_SIZE),
            poll: Duration::from_millis(reader.value(table::SCHEDULER_POLL_MS)),
            publish_timeout: Duration::from_millis(reader.value(table::PUBLISH_TIMEOUT_MS)),
        }
    }
}
