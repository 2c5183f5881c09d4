use tidings_broker::Failure;
use tidings_db::user_deletions::DeletionSettings;
use tidings_domain::link_rule::{URL_MISSING, lacks_url};
use tidings_domain::notification::Channel;
use tidings_domain::providers::ChannelProviders;
use tidings_egress::EgressPolicy;
use tidings_requests::{check_channel, check_url};
use tidings_settings::{Reader, table};

use super::Categories;
use super::event::Event;
use super::rejection::Rejection;

/// What the settings allow: the same as for requests.
#[derive(Clone, Debug)]
pub struct EventRules {
    /// The channels that have a provider, in this process or in another one.
    pub providers: ChannelProviders,
    /// Where webhooks may go.
    pub egress: EgressPolicy,
    /// `SCHEDULE_MAX_DAYS`: how far ahead a notification may be scheduled.
    pub schedule_max_days: u32,
    /// `MAX_BODY_BYTES`: maximum size of the body of an event.
    pub max_body_bytes: usize,
    /// Whether this installation makes links to unsubscribe.
    pub makes_unsubscribe_links: bool,
    /// How deletions of users are requested.
    pub deletions: DeletionSettings,
}

impl EventRules {
    /// Reads the section.
    pub fn read(
        reader: &mut Reader,
        providers: ChannelProviders,
        makes_unsubscribe_links: bool,
    ) -> Self {
        let deletions = DeletionSettings::read(reader, &providers);
        Self {
            providers,
            egress: EgressPolicy::read(reader),
            schedule_max_days: reader.value(table::SCHEDULE_MAX_DAYS),
            max_body_bytes: reader.value(table::MAX_BODY_BYTES),
            makes_unsubscribe_links,
            deletions,
        }
    }

    /// Checks whether the settings allow the notification of an event.
    pub(super) fn check(&self, event: &Event<'_>) -> Result<(), Failure> {
        let (channel, url) = match event {
            Event::Email { .. } => (Channel::Email, None),
            Event::Notification(new) => (new.channel, new.addresses.webhook_url.as_ref()),
        };
        let channel = check_channel(&self.providers, channel);
        let url = url.map_or(Ok(()), |url| check_url(&self.egress, url));
        let mut rejection = Rejection::default();
        for error in [channel.err(), url.err()].into_iter().flatten() {
            let (field, message) = error.field_and_message();
            rejection.field(error.code(), field, &message);
        }
        rejection.finish()
    }

    /// Checks the category of an event: it must exist, and an e-mail of a marketing category must have a URL to unsubscribe.
    pub(super) fn check_category(
        &self,
        event: &Event<'_>,
        categories: &Categories,
    ) -> Result<(), Failure> {
        let Event::Notification(new) = event else {
            return Ok(());
        };
        let Some(name) = &new.category else {
            return Ok(());
        };
        let Some(kind) = categories.get(name).copied().flatten() else {
            let detail = format!("there is no category {name}");
            return Err(Failure::new("unknown_category", detail));
        };
        let has_url = new.addresses.has_unsubscribe_url;
        if lacks_url(
            new.channel,
            Some(kind),
            has_url,
            self.makes_unsubscribe_links,
        ) {
            let detail = format!("payload.unsubscribeUrl {URL_MISSING}");
            return Err(Failure::new("unsubscribe_url_missing", detail));
        }
        Ok(())
    }
}
