use std::time::Duration;

use tidings_domain::time::Timezone;
use tidings_settings::{Reader, table};

/// How a scheduler works.
#[derive(Clone, Debug)]
pub struct SchedulerSettings {
    /// `SCHEDULER_BATCH_SIZE`: maximum number of due notifications in one transaction.
    pub batch_size: u32,
    /// `SCHEDULER_POLL_MS`: how often it looks for due notifications.
    pub poll: Duration,
    /// `DELETIONS_PER_DAY`: how many erasures of users may begin on a day.
    pub deletions_per_day: u32,
    /// `DELETION_MODE=soft`: whether users are only marked as deleted.
    pub soft_deletion: bool,
    /// `PUBLISH_TIMEOUT_MS`: how long the publish of a batch may take.
    pub publish_timeout: Duration,
    /// `DEFAULT_TIMEZONE`: the time zone of users who have set none.
    pub default_timezone: Timezone,
}

impl SchedulerSettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            batch_size: reader.value(table::SCHEDULER_BATCH_SIZE),
            poll: Duration::from_millis(reader.value(table::SCHEDULER_POLL_MS)),
            deletions_per_day: reader.value(table::DELETIONS_PER_DAY),
            soft_deletion: reader.text(table::DELETION_MODE) == Some("soft"),
            publish_timeout: Duration::from_millis(reader.value(table::PUBLISH_TIMEOUT_MS)),
            default_timezone: reader.value(table::DEFAULT_TIMEZONE),
        }
    }
}
