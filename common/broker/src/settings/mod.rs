//! The settings of everything AMQP.

mod max_retries;
mod names;

use std::time::Duration;

use tidings_domain::retry::Ladder;
use tidings_settings::Reader;

pub use max_retries::MaxRetries;
pub use names::Names;

use crate::Addresses;

/// How to reach RabbitMQ and what is declared there.
#[derive(Clone, Debug)]
pub struct BrokerSettings {
    /// `RABBITMQ_URL`: `amqp://` or `amqps://`, with user, password and virtual host; or
    /// `RABBITMQ_URLS`, several of them, separated by commas, for the nodes of a cluster.
    pub addresses: Addresses,
    /// The names of queues and exchanges.
    pub names: Names,
    /// As many rungs as the largest of `max_retries`; `RETRY_BASE_DELAY_MS` (1000),
    /// `RETRY_MULTIPLIER` (5) and `RETRY_MAX_DELAY_MS` (3600000).
    pub ladder: Ladder,
    /// Where messages leave the ladder for the dead-letter queue.
    pub max_retries: MaxRetries,
    /// `QUORUM_SIZE`: replicas of each queue; the broker's own default where it is not set.
    pub quorum_size: Option<u16>,
    /// `PUBLISH_TIMEOUT_MS`, default 5000: how long a publish may take to be confirmed.
    pub publish_timeout: Duration,
    /// `PUBLISH_CHANNELS`, default 4: AMQP channels that the publishes of each connection are spread
    /// over.
    pub publish_channels: u16,
    /// `PUBLISH_MAX_IN_FLIGHT`, default 2048: publishes that may wait for a confirm at once; more
    /// wait for their turn, within their own deadline.
    pub publish_max_in_flight: usize,
}

impl BrokerSettings {
    /// Reads the section. `None` where a required setting is missing.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let addresses = addresses(reader);
        let names = Names::read(reader);
        let max_retries = MaxRetries::read(reader);
        let ladder = Ladder {
            max: max_retries.largest(),
            base_ms: reader.within("RETRY_BASE_DELAY_MS", 1000, 1..=86_400_000),
            multiplier: reader.within("RETRY_MULTIPLIER", 5, 1..=1000),
            cap_ms: reader.within("RETRY_MAX_DELAY_MS", 3_600_000, 1..=604_800_000),
        };
        let quorum_size = reader.optional("QUORUM_SIZE");
        if quorum_size == Some(0) {
            reader.problem("QUORUM_SIZE", "must be at least 1");
        }
        let publish_timeout = reader.within("PUBLISH_TIMEOUT_MS", 5000, 100..=120_000);
        Some(Self {
            names,
            ladder,
            max_retries,
            quorum_size,
            publish_timeout: Duration::from_millis(publish_timeout),
            publish_channels: reader.within("PUBLISH_CHANNELS", 4, 1..=64),
            publish_max_in_flight: reader.within("PUBLISH_MAX_IN_FLIGHT", 2048, 1..=100_000),
            addresses: addresses?,
        })
    }
}

/// Reads the addresses of one variable or the other.
fn addresses(reader: &mut Reader) -> Option<Addresses> {
    const ONE: &str = "RABBITMQ_URL";
    const SEVERAL: &str = "RABBITMQ_URLS";
    let (name, read) = match (reader.text(ONE), reader.text(SEVERAL)) {
        (Some(one), None) => (ONE, Addresses::one(one)),
        (None, Some(several)) => (SEVERAL, Addresses::list(several)),
        (Some(_), Some(_)) => {
            reader.problem(SEVERAL, format!("is set, and {ONE} too: set one of them"));
            return None;
        }
        (None, None) => {
            let example = "amqp://user:password@127.0.0.1:5672/%2f";
            reader.problem(
                ONE,
                format!("is not set, and {SEVERAL} neither; for example {example}"),
            );
            return None;
        }
    };
    read.map_err(|error| reader.problem(name, error.to_string()))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Destination;
    use tidings_domain::notification::DeliveredChannel;

    fn read(vars: &[(&str, &str)]) -> Result<BrokerSettings, tidings_settings::Problems> {
        let mut reader =
            Reader::from_vars(vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        let settings = BrokerSettings::read(&mut reader);
        reader.finish(settings)
    }

    #[test]
    fn the_url_alone_is_enough() {
        let settings = read(&[("RABBITMQ_URL", "amqp://127.0.0.1")]).expect("defaults");
        assert_eq!(settings.ladder.to_string(), "8x1000x5x3600000");
        assert_eq!(
            settings.names.retry_queue(&settings.ladder, 2),
            "notifications_queue.retry.8x1000x5x3600000.2"
        );
        assert_eq!(
            settings.names.channel_queue(DeliveredChannel::Sms),
            "notifications_queue.sms"
        );
    }

    #[test]
    fn the_ladder_has_as_many_rungs_as_the_largest_limit() {
        let vars = [
            ("RABBITMQ_URL", "amqp://127.0.0.1"),
            ("MAX_RETRIES", "2"),
            ("SMS_MAX_RETRIES", "5"),
            ("WEBHOOK_MAX_RETRIES", "1"),
        ];
        let settings = read(&vars).expect("settings");
        assert_eq!(settings.ladder.max, 5);
        let of = |destination| settings.max_retries.of(destination);
        assert_eq!(of(Destination::Intake), 2);
        assert_eq!(of(Destination::Delivery(DeliveredChannel::Email)), 2);
        assert_eq!(of(Destination::Delivery(DeliveredChannel::Sms)), 5);
        assert_eq!(of(Destination::Delivery(DeliveredChannel::Webhook)), 1);
    }

    #[test]
    fn a_wrong_url_is_reported_without_its_password() {
        let problems =
            read(&[("RABBITMQ_URL", "http://user:hunter2@host")]).expect_err("no AMQP URI");
        assert!(problems.to_string().contains("RABBITMQ_URL"));
        assert!(!problems.to_string().contains("hunter2"));
    }

    #[test]
    fn the_nodes_of_a_cluster_are_given_as_a_list() {
        let settings = read(&[("RABBITMQ_URLS", "amqp://a/v, amqp://b:1/v")]).expect("settings");
        let shown: Vec<_> = settings
            .addresses
            .all()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(shown, ["a:5672", "b:1"]);
        let shown = format!("{:?}", read(&[("RABBITMQ_URLS", "amqp://u:hunter2@a/v")]));
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn one_address_or_several_must_be_given_and_not_both() {
        let neither = read(&[("RABBITMQ_URLS", " ")])
            .expect_err("no address")
            .to_string();
        assert!(neither.contains("RABBITMQ_URL: "), "{neither}");
        assert!(neither.contains("RABBITMQ_URLS"), "{neither}");
        let both = [
            ("RABBITMQ_URL", "amqp://u:hunter2@a"),
            ("RABBITMQ_URLS", "amqp://u:hunter2@a"),
        ];
        let both = read(&both).expect_err("two settings").to_string();
        assert!(
            both.contains("RABBITMQ_URLS: is set, and RABBITMQ_URL too"),
            "{both}"
        );
        assert!(!both.contains("hunter2"), "{both}");
    }

    #[test]
    fn names_that_the_broker_would_refuse_are_reported_before_it_is_asked() {
        for (variable, value) in [
            ("QUEUE_NAME", "amq.mine"),
            ("EXCHANGE_NAME", "a b"),
            ("DLQ_NAME", "notifications_queue"),
            ("QUORUM_SIZE", "0"),
        ] {
            let problems =
                read(&[("RABBITMQ_URL", "amqp://127.0.0.1"), (variable, value)]).expect_err(value);
            assert_eq!(problems.0[0].name, variable);
        }
    }
}
