use std::ops::RangeInclusive;

use crate::Destination;
use tidings_domain::notification::Channel;
use tidings_settings::Reader;

/// How often a message is tried again after its first attempt, by the queue that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxRetries {
    /// `MAX_RETRIES`, default 3: in the intake queue.
    pub intake: u32,
    /// `EMAIL_MAX_RETRIES`, default `MAX_RETRIES`.
    pub email: u32,
    /// `SMS_MAX_RETRIES`, default `MAX_RETRIES`.
    pub sms: u32,
    /// `PUSH_MAX_RETRIES`, default `MAX_RETRIES`.
    pub push: u32,
    /// `WEBHOOK_MAX_RETRIES`, default 8: a receiver's deployment takes longer than a moment.
    pub webhook: u32,
}

impl MaxRetries {
    pub(super) fn read(reader: &mut Reader) -> Self {
        const RANGE: RangeInclusive<u32> = 0..=50;
        let intake = reader.within("MAX_RETRIES", 3, RANGE);
        Self {
            intake,
            email: reader.within("EMAIL_MAX_RETRIES", intake, RANGE),
            sms: reader.within("SMS_MAX_RETRIES", intake, RANGE),
            push: reader.within("PUSH_MAX_RETRIES", intake, RANGE),
            webhook: reader.within("WEBHOOK_MAX_RETRIES", 8, RANGE),
        }
    }

    /// Those of messages for `destination`.
    #[must_use]
    pub const fn of(&self, destination: Destination) -> u32 {
        match destination {
            Destination::Delivery(Channel::Email) => self.email,
            Destination::Delivery(Channel::Sms) => self.sms,
            Destination::Delivery(Channel::Push) => self.push,
            Destination::Delivery(Channel::Webhook) => self.webhook,
            Destination::Intake | Destination::Delivery(Channel::InApp) => self.intake,
        }
    }

    pub(super) fn largest(self) -> u32 {
        let all = Destination::ALL.map(|destination| self.of(destination));
        all.into_iter().fold(0, u32::max)
    }
}
