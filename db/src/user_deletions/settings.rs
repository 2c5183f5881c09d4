use std::time::Duration;

use tidings_domain::providers::ChannelProviders;
use tidings_settings::{Reader, read_public_url, table};

/// How deletions are requested, and how users can cancel them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeletionSettings {
    /// `DELETION_GRACE_HOURS`: how long a deletion waits.
    pub grace: Duration,
    /// `RECOVERY_MAILS_PER_DAY`: maximum number of recovery e-mails of a user on a day.
    pub recovery_mails_per_day: u32,
    /// `PUBLIC_URL`, without a slash at its end: links in e-mails begin with it.
    pub public_url: Option<String>,
    /// Whether e-mails are sent.
    pub email_is_on: bool,
}

impl DeletionSettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader, providers: &ChannelProviders) -> Self {
        Self {
            grace: Duration::from_hours(reader.value(table::DELETION_GRACE_HOURS)),
            recovery_mails_per_day: reader.value(table::RECOVERY_MAILS_PER_DAY),
            public_url: read_public_url(reader)
                .map(|url| url.as_str().trim_end_matches('/').to_owned()),
            email_is_on: providers.email.is_some(),
        }
    }
}
