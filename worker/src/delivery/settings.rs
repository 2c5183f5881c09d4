use std::time::Duration;

use tidings_domain::notification::PerChannel;
use tidings_settings::Reader;

use super::breaker::BreakerSettings;

/// How notifications are delivered, whatever the provider.
#[derive(Clone, Copy, Debug)]
pub struct DeliverySettings {
    /// `DELIVERY_LEASE_SECS`, default 30: how long a notification is one worker's, should that die. At
    /// least 5 more than `provider_timeout`.
    pub lease: Duration,
    /// `PROVIDER_TIMEOUT_SECS`, default 10: how long one send may take.
    pub provider_timeout: Duration,
    /// When a provider counts as away.
    pub breaker: BreakerSettings,
    /// `WEBHOOK_DEFER_MAX_HOURS`, default 24: how long a webhook waits for a destination that is away.
    pub webhook_defer_max: Duration,
    /// `EMAIL_CONCURRENCY`, `SMS_CONCURRENCY`, `PUSH_CONCURRENCY` and `WEBHOOK_CONCURRENCY`, default 16:
    /// sends at once, by channel.
    pub concurrency: PerChannel<u16>,
}

impl DeliverySettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        let timeout = reader.within("PROVIDER_TIMEOUT_SECS", 10, 1..=300);
        let lease = reader.within("DELIVERY_LEASE_SECS", 30, 6..=3600);
        if lease < timeout + 5 {
            let message =
                format!("{lease}: must be at least 5 more than PROVIDER_TIMEOUT_SECS ({timeout})");
            reader.problem("DELIVERY_LEASE_SECS", message);
        }
        let breaker = BreakerSettings {
            failures: reader.within("BREAKER_FAILURES", 20, 1..=100_000),
            probe_after: Duration::from_secs(reader.within("BREAKER_PROBE_SECS", 15, 1..=3600)),
            failing_for: None,
        };
        let hours: u64 = reader.within("WEBHOOK_DEFER_MAX_HOURS", 24, 1..=720);
        let mut concurrency = |name| reader.within(name, 16, 1..=1000);
        Self {
            lease: Duration::from_secs(lease),
            provider_timeout: Duration::from_secs(timeout),
            breaker,
            webhook_defer_max: Duration::from_hours(hours),
            concurrency: PerChannel {
                email: concurrency("EMAIL_CONCURRENCY"),
                sms: concurrency("SMS_CONCURRENCY"),
                push: concurrency("PUSH_CONCURRENCY"),
                webhook: concurrency("WEBHOOK_CONCURRENCY"),
            },
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
    fn each_channel_has_a_concurrency_of_its_own() {
        let settings = read(&[("SMS_CONCURRENCY", "3")]).expect("right");
        assert_eq!(
            DeliveredChannel::ALL.map(|channel| *settings.concurrency.get(channel)),
            [16, 3, 16, 16]
        );
    }
}
