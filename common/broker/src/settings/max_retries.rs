use std::ops::RangeInclusive;

use crate::Destination;
use tidings_domain::notification::PerChannel;
use tidings_settings::Reader;

/// How often a message is tried again after its first attempt, by the queue that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxRetries {
    /// `MAX_RETRIES`, default 3: in the intake queue.
    pub intake: u32,
    /// `EMAIL_MAX_RETRIES`, `SMS_MAX_RETRIES` and `PUSH_MAX_RETRIES`, default `MAX_RETRIES`;
    /// `WEBHOOK_MAX_RETRIES`, default 8, because a receiver's deployment takes minutes: in the channel's
    /// queue.
    pub delivery: PerChannel<u32>,
}

impl MaxRetries {
    pub(super) fn read(reader: &mut Reader) -> Self {
        const RANGE: RangeInclusive<u32> = 0..=50;
        let intake = reader.within("MAX_RETRIES", 3, RANGE);
        Self {
            intake,
            delivery: PerChannel {
                email: reader.within("EMAIL_MAX_RETRIES", intake, RANGE),
                sms: reader.within("SMS_MAX_RETRIES", intake, RANGE),
                push: reader.within("PUSH_MAX_RETRIES", intake, RANGE),
                webhook: reader.within("WEBHOOK_MAX_RETRIES", 8, RANGE),
            },
        }
    }

    /// Those of messages for `destination`.
    #[must_use]
    pub const fn of(&self, destination: Destination) -> u32 {
        match destination {
            Destination::Intake => self.intake,
            Destination::Delivery(channel) => *self.delivery.get(channel),
        }
    }

    pub(super) fn largest(self) -> u32 {
        let all = Destination::ALL.map(|destination| self.of(destination));
        all.into_iter().fold(0, u32::max)
    }
}
