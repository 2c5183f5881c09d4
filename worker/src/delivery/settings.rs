use std::time::Duration;

use tidings_domain::notification::PerChannel;
use tidings_domain::user_limit::UserLimit;
use tidings_settings::{Reader, read_user_limits, table};

use super::breaker::BreakerSettings;
use super::quiet_hours::QuietHoursSettings;

/// The settings of delivery that apply to every provider.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// `DELIVERY_LEASE_SECS`: how long a worker holds a notification that it delivers. At least 5 s more than
    /// `provider_timeout`.
    pub lease: Duration,
    /// `PROVIDER_TIMEOUT_SECS`: maximum duration of one send.
    pub provider_timeout: Duration,
    /// `UNKNOWN_MAX`: how often a message without an idempotency key is sent again after an unknown outcome.
    pub unknown_max: u32,
    /// `DELIVERY_BATCH_SIZE`: maximum number of messages of a channel that share a transaction.
    pub batch_size: usize,
    /// When a provider or destination counts as down.
    pub breaker: BreakerSettings,
    /// `WEBHOOK_DEFER_MAX_HOURS`: how long a webhook waits for a destination that is down.
    pub webhook_defer_max: Duration,
    /// `EMAIL_CONCURRENCY`, `SMS_CONCURRENCY`, `PUSH_CONCURRENCY` and `WEBHOOK_CONCURRENCY`: maximum number of
    /// concurrent sends, by channel.
    pub concurrency: PerChannel<u16>,
    /// `USER_LIMITS`: how many notifications each user gets, by channel.
    pub user_limits: PerChannel<Option<UserLimit>>,
    /// The quiet hours of users.
    pub quiet_hours: QuietHoursSettings,
}

impl DeliverySettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        let timeout: u64 = reader.value(table::PROVIDER_TIMEOUT_SECS);
        let lease: u64 = reader.value(table::DELIVERY_LEASE_SECS);
        if lease < timeout + 5 {
            let message =
                format!("{lease}: must be at least 5 more than PROVIDER_TIMEOUT_SECS ({timeout})");
            reader.problem(table::DELIVERY_LEASE_SECS, message);
        }
        let breaker = BreakerSettings {
            failures: reader.value(table::BREAKER_FAILURES),
            probe_after: Duration::from_secs(reader.value(table::BREAKER_PROBE_SECS)),
            failing_for: None,
        };
        let hours: u64 = reader.value(table::WEBHOOK_DEFER_MAX_HOURS);
        Self {
            lease: Duration::from_secs(lease),
            provider_timeout: Duration::from_secs(timeout),
            unknown_max: reader.value(table::UNKNOWN_MAX),
            batch_size: reader.value(table::DELIVERY_BATCH_SIZE),
            breaker,
            webhook_defer_max: Duration::from_hours(hours),
            concurrency: PerChannel {
                email: reader.value(table::EMAIL_CONCURRENCY),
                sms: reader.value(table::SMS_CONCURRENCY),
                push: reader.value(table::PUSH_CONCURRENCY),
                webhook: reader.value(table::WEBHOOK_CONCURRENCY),
            },
            user_limits: read_user_limits(reader),
            quiet_hours: QuietHoursSettings::read(reader),
        }
    }
}

#[cfg(test)]
mod tests {
    use tidings_domain::notification::DeliveredChannel;

    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<DeliverySettings, String> {
        let vars = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let mut reader = Reader::from_vars(vars);
        let settings = DeliverySettings::read(&mut reader);
        reader
            .finish(Some(settings))
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn the_lease_outlasts_the_send() {
        assert!(read(&[]).is_ok());
        assert!(read(&[("PROVIDER_TIMEOUT_SECS", "25")]).is_ok());
        let wrong = read(&[("PROVIDER_TIMEOUT_SECS", "26")]).expect_err("too long");
        assert!(wrong.contains("DELIVERY_LEASE_SECS"), "{wrong}");
    }

    #[test]
    fn every_mistake_in_the_limits_of_users_is_reported() {
        let settings = read(&[("USER_LIMITS", "sms=20/day, push=3/hour")]).expect("right");
        let counts = DeliveredChannel::ALL
            .map(|channel| settings.user_limits.get(channel).map(|limit| limit.count));
        assert_eq!(counts, [None, Some(20), Some(3), None]);
        let limits = "sms=20/day,fax=1/day,sms=5/hour,push=0/day,email=5/week";
        let wrong = read(&[("USER_LIMITS", limits)]).expect_err("four mistakes");
        for mistake in [
            "\"fax=1/day\"",
            "\"push=0/day\"",
            "\"email=5/week\"",
            "sms: must have one",
        ] {
            assert!(wrong.contains(mistake), "{wrong}");
        }
    }

    #[test]
    fn each_channel_has_a_concurrency_of_its_own() {
        let settings = read(&[("SMS_CONCURRENCY", "3")]).expect("right");
        assert_eq!(
            DeliveredChannel::ALL.map(|channel| *settings.concurrency.get(channel)),
            [16, 3, 16, 16]
        );
    }
}
