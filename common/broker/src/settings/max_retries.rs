use crate::Stage;
use tidings_domain::notification::PerChannel;
use tidings_settings::{Reader, table};

/// Maximum number of retries after the first attempt, by queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxRetries {
    /// `MAX_RETRIES`: in the intake queue.
    pub intake: u32,
    /// `EMAIL_MAX_RETRIES`, `SMS_MAX_RETRIES` and `PUSH_MAX_RETRIES`, default `MAX_RETRIES`;
    /// `WEBHOOK_MAX_RETRIES`, more by default, because a receiver's deployment takes minutes: in the
    /// channel's queue.
    pub delivery: PerChannel<u32>,
}

impl MaxRetries {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let intake = reader.value(table::MAX_RETRIES);
        Self {
            intake,
            delivery: PerChannel {
                email: reader.optional(table::EMAIL_MAX_RETRIES).unwrap_or(intake),
                sms: reader.optional(table::SMS_MAX_RETRIES).unwrap_or(intake),
                push: reader.optional(table::PUSH_MAX_RETRIES).unwrap_or(intake),
                webhook: reader.value(table::WEBHOOK_MAX_RETRIES),
            },
        }
    }

    /// The maximum for messages to `stage`.
    #[must_use]
    pub const fn of(&self, stage: Stage) -> u32 {
        match stage {
            Stage::Intake => self.intake,
            Stage::Delivery(channel) => *self.delivery.get(channel),
            // An event is held or is a dead letter at once. Its notification has retries of its own.
            Stage::Event(_) => 0,
        }
    }

    pub(super) fn largest(self) -> u32 {
        let all = Stage::ALL.map(|stage| self.of(stage));
        all.into_iter().fold(0, u32::max)
    }
}
