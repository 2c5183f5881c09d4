//! The settings of the broker.

mod max_retries;
mod names;

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tidings_domain::retry::Ladder;
use tidings_settings::{PlaintextKind, Reader, Setting, needs_encryption, table};
use url::Url;

pub use max_retries::MaxRetries;
pub use names::TopologyNames;

use crate::Addresses;

/// How to reach RabbitMQ and what to declare there.
#[derive(Clone, Debug)]
pub struct BrokerSettings {
    /// `RABBITMQ_URL`: `amqp://` or `amqps://`, with user, password and virtual host; or
    /// `RABBITMQ_URLS`, several of them, separated by commas, for the nodes of a cluster.
    pub addresses: Addresses,
    /// `RABBITMQ_MANAGEMENT_URL`: the management plugin. `None` stands for its default port on the nodes.
    pub management_url: Option<SecretString>,
    /// The names of queues and exchanges.
    pub names: TopologyNames,
    /// `RETRY_BASE_DELAY_MS`, `RETRY_MULTIPLIER` and `RETRY_MAX_DELAY_MS`, with as many rungs as the largest of
    /// `max_retries`.
    pub ladder: Ladder,
    /// After how many retries a message goes to the dead-letter queue.
    pub max_retries: MaxRetries,
    /// `QUORUM_SIZE`: replicas of each queue. `None` stands for the default of the broker.
    pub quorum_size: Option<u16>,
    /// `PUBLISH_TIMEOUT_MS`: maximum time until the broker confirms a publish.
    pub publish_timeout: Duration,
    /// `PUBLISH_CHANNELS`: AMQP channels over which each connection spreads its publishes.
    pub publish_channels: u16,
    /// `PUBLISH_MAX_IN_FLIGHT`: maximum number of publishes that wait for a confirm. Further publishes wait
    /// within their own deadline.
    pub publish_max_in_flight: usize,
    /// `PUBLISH_MAX_BYTES_IN_FLIGHT`: maximum size of these publishes together.
    pub publish_max_bytes_in_flight: usize,
}

/// What a message needs beside the request body that it was made from, in bytes: ids, times, properties.
const MESSAGE_OVERHEAD: usize = 4096;

/// The size of the largest message, from the setting `MAX_BODY_BYTES`.
#[must_use]
pub const fn largest_message(max_body_bytes: usize) -> usize {
    max_body_bytes + MESSAGE_OVERHEAD
}

/// Reports that `setting`, which allows `limit` bytes, has no room for the largest message.
pub fn check_room_for_message(
    reader: &mut Reader,
    setting: &'static Setting,
    limit: usize,
    max_body_bytes: usize,
) {
    if limit < largest_message(max_body_bytes) {
        let message = format!(
            "{limit}: must be at least {MESSAGE_OVERHEAD} more than {} ({max_body_bytes}), so that the largest message fits",
            table::MAX_BODY_BYTES.name
        );
        reader.problem(setting, message);
    }
}

impl BrokerSettings {
    /// Reads the section. Returns `None` if a required setting is missing.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let addresses = addresses(reader);
        let names = TopologyNames::read(reader);
        let max_retries = MaxRetries::read(reader);
        let ladder = Ladder {
            max: max_retries.largest(),
            base_ms: reader.value(table::RETRY_BASE_DELAY_MS),
            multiplier: reader.value(table::RETRY_MULTIPLIER),
            cap_ms: reader.value(table::RETRY_MAX_DELAY_MS),
        };
        let quorum_size = reader.optional(table::QUORUM_SIZE);
        let management_url = management_url(reader);
        let publish_timeout = reader.value(table::PUBLISH_TIMEOUT_MS);
        Some(Self {
            management_url,
            names,
            ladder,
            max_retries,
            quorum_size,
            publish_timeout: Duration::from_millis(publish_timeout),
            publish_channels: reader.value(table::PUBLISH_CHANNELS),
            publish_max_in_flight: reader.value(table::PUBLISH_MAX_IN_FLIGHT),
            publish_max_bytes_in_flight: reader.value(table::PUBLISH_MAX_BYTES_IN_FLIGHT),
            addresses: addresses?,
        })
    }
}

fn management_url(reader: &mut Reader) -> Option<SecretString> {
    let url = reader.secret(table::RABBITMQ_MANAGEMENT_URL)?;
    let parsed = Url::parse(url.expose_secret()).ok();
    let plain_host = parsed.as_ref().filter(|url| url.scheme() == "http");
    let plain_host = plain_host.and_then(Url::host_str);
    let setting = table::RABBITMQ_MANAGEMENT_URL;
    let kind = PlaintextKind::Broker;
    if plain_host.is_some_and(|host| needs_encryption(reader, kind, setting, host)) {
        let message =
            "would send the password unencrypted: use https://, or set ALLOW_PLAINTEXT to broker";
        reader.problem(table::RABBITMQ_MANAGEMENT_URL, message);
    }
    if parsed.is_none_or(|url| !["http", "https"].contains(&url.scheme())) {
        let message = "must be http://user:password@host:port or https://user:password@host:port";
        reader.problem(table::RABBITMQ_MANAGEMENT_URL, message);
    }
    Some(url)
}

/// Reads the addresses from `RABBITMQ_URL` or from `RABBITMQ_URLS`.
fn addresses(reader: &mut Reader) -> Option<Addresses> {
    const ONE: &Setting = table::RABBITMQ_URL;
    const SEVERAL: &Setting = table::RABBITMQ_URLS;
    let (setting, parsed) = match (reader.is_set(ONE), reader.is_set(SEVERAL)) {
        (true, true) => {
            let message = format!("is set, and {} too: set one of them", ONE.name);
            reader.problem(SEVERAL, message);
            return None;
        }
        (false, true) => {
            let list = reader.secret(SEVERAL)?;
            (SEVERAL, Addresses::list(list.expose_secret()))
        }
        (true, false) => {
            let url = reader.secret(ONE)?;
            (ONE, Addresses::one(url.expose_secret()))
        }
        (false, false) => {
            let message = format!("{}, or set {}", ONE.missing(), SEVERAL.name);
            reader.problem(ONE, message);
            return None;
        }
    };
    let addresses = parsed
        .map_err(|error| reader.problem(setting, error.to_string()))
        .ok()?;
    for address in addresses.all().iter().filter(|it| !it.is_encrypted()) {
        if needs_encryption(reader, PlaintextKind::Broker, setting, address.host()) {
            let message = format!(
                "would send the password and all notifications to {address} unencrypted: use amqps://, or set \
                 ALLOW_PLAINTEXT to broker"
            );
            reader.problem(setting, message);
        }
    }
    Some(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stage;
    use tidings_domain::notification::DeliveredChannel;

    fn read(vars: &[(&str, &str)]) -> Result<BrokerSettings, tidings_settings::SettingProblems> {
        let development = [("APP_ENV", "development")];
        let vars = development.iter().chain(vars);
        let mut reader = Reader::from_vars(vars.map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
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
        let of = |stage| settings.max_retries.of(stage);
        assert_eq!(of(Stage::Intake), 2);
        assert_eq!(of(Stage::Delivery(DeliveredChannel::Email)), 2);
        assert_eq!(of(Stage::Delivery(DeliveredChannel::Sms)), 5);
        assert_eq!(of(Stage::Delivery(DeliveredChannel::Webhook)), 1);
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
    fn names_that_the_broker_would_refuse_are_reported() {
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
