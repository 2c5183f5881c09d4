//! The worker's settings.

use std::net::IpAddr;
use std::time::Duration;

use secrecy::ExposeSecret;
use tidings_broker::{BrokerSettings, check_room_for_message, largest_message};
use tidings_db::audit::AuditRetention;
use tidings_db::retention::RetentionSettings;
use tidings_db::{DatabaseSettings, SecretKeys};
use tidings_settings::{
    AppEnv, Reader, SettingProblems, ShutdownSettings, TelemetrySettings, read_channel_providers,
    read_metrics_port, table, weakness,
};
use tidings_unsubscribe::UnsubscribeLinks;

use crate::consumer::ConsumerOptions;
use crate::delivery::DeliverySettings;
use crate::events::EventRules;
use crate::providers::ProviderSettings;
use crate::scheduler::SchedulerSettings;
use crate::stages::Stages;

/// All settings of the worker.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// The address of the probes.
    pub probes: ProbeSettings,
    /// RabbitMQ.
    pub broker: BrokerSettings,
    /// PostgreSQL.
    pub database: DatabaseSettings,
    /// Decrypt the secrets of webhook endpoints.
    pub secret_keys: SecretKeys,
    /// Logs.
    pub telemetry: TelemetrySettings,
    /// Shutdown.
    pub shutdown: ShutdownSettings,
    /// The stages that this process serves.
    pub stages: Stages,
    /// How the intake consumes its queue.
    pub intake: ConsumerOptions,
    /// What the settings allow events to send.
    pub events: EventRules,
    /// How the scheduler works.
    pub scheduler: SchedulerSettings,
    /// `CONTROL_POLL_MS`: how often the worker reads which channels are stopped.
    pub control_poll: Duration,
    /// How long what is kept.
    pub retention: RetentionSettings,
    /// How long the audit log is kept.
    pub audit: AuditRetention,
    /// Delivery, for every provider.
    pub delivery: DeliverySettings,
    /// The providers of the channels that this process serves.
    pub providers: ProviderSettings,
    /// Makes links to unsubscribe, if there are any.
    pub unsubscribe: Option<UnsubscribeLinks>,
    /// What the worker does with the database schema when it starts.
    pub schema: SchemaSettings,
}

/// The address that serves `/health`, `/ready`, `/live` and `/metrics`.
#[derive(Clone, Copy, Debug)]
pub struct ProbeSettings {
    /// `BIND_ADDRESS`, default 127.0.0.1.
    pub address: IpAddr,
    /// `WORKER_PORT`; 0 means any free port.
    pub port: u16,
    /// `METRICS_PORT`: the port of `/metrics`, if it is another one; 0 means any free port.
    pub metrics_port: Option<u16>,
}

/// What the worker does with the database schema when it starts.
#[derive(Clone, Copy, Debug)]
pub struct SchemaSettings {
    /// `MIGRATE_ON_START`: whether to migrate. If false, the worker waits until someone runs `tidings migrate`.
    pub migrate: bool,
    /// `SEED_DEMO_DATA`: whether to create missing demo data.
    pub seed: bool,
}

/// Maximum time to record the outcome of a send.
const RECORD_TIME: Duration = Duration::from_secs(5);

impl WorkerSettings {
    /// Reads all sections.
    ///
    /// # Errors
    ///
    /// Returns all mistakes in the settings.
    pub fn read(mut reader: Reader) -> Result<Self, SettingProblems> {
        let r = &mut reader;
        let probes = ProbeSettings {
            address: r
                .optional(table::BIND_ADDRESS)
                .unwrap_or(IpAddr::from([127, 0, 0, 1])),
            port: r.value(table::WORKER_PORT),
            metrics_port: read_metrics_port(r, table::WORKER_PORT),
        };
        let (broker, database) = (BrokerSettings::read(r), DatabaseSettings::read(r));
        let secret_keys = SecretKeys::read(r);
        let telemetry = TelemetrySettings::read(r);
        let shutdown = ShutdownSettings::read(r);
        let intake = read_intake(r);
        let scheduler = SchedulerSettings::read(r);
        let control_poll = Duration::from_millis(r.value(table::CONTROL_POLL_MS));
        let retention = RetentionSettings::read(r);
        let audit = AuditRetention::read(r);
        if let Some(broker) = &broker {
            let limit = broker.publish_max_bytes_in_flight;
            let max_body_bytes = r.value(table::MAX_BODY_BYTES);
            let setting = table::PUBLISH_MAX_BYTES_IN_FLIGHT;
            check_room_for_message(r, setting, limit, max_body_bytes);
        }
        let channels = read_channel_providers(r);
        let stages = Stages::read(r, &channels);
        let delivery = DeliverySettings::read(r);
        if !stages.channels.is_empty() && shutdown.timeout < delivery.provider_timeout + RECORD_TIME
        {
            let message = "must be at least 5 more than PROVIDER_TIMEOUT_SECS, so that the worker can finish a send";
            r.problem(table::SHUTDOWN_TIMEOUT_SECS, message);
        }
        let providers = ProviderSettings::read(r, channels.of(&stages.channels));
        let unsubscribe = UnsubscribeLinks::read_settings(r);
        let events = EventRules::read(r, channels, unsubscribe.is_some());
        let schema = SchemaSettings {
            migrate: r.value(table::MIGRATE_ON_START),
            seed: r.value(table::SEED_DEMO_DATA),
        };
        refuse_weak_secret(r);
        let settings = broker.zip(database).map(|(broker, database)| Self {
            probes,
            broker,
            database,
            secret_keys,
            telemetry,
            shutdown,
            stages,
            intake,
            events,
            scheduler,
            control_poll,
            retention,
            audit,
            delivery,
            providers,
            unsubscribe,
            schema,
        });
        reader.finish(settings)
    }
}

/// Reads `CONSUMER_PREFETCH`, `CONSUMER_PREFETCH_BYTES`, `INTAKE_BATCH_SIZE`, `INTAKE_CONCURRENCY` and
/// `INTAKE_BATCH_INTERVAL_MS`.
///
/// RabbitMQ limits the prefetch by count only (`prefetch_size` of `basic.qos` is not implemented), so the limit in bytes
/// becomes a smaller count.
fn read_intake(reader: &mut Reader) -> ConsumerOptions {
    let max_body_bytes = reader.value(table::MAX_BODY_BYTES);
    let bytes: usize = reader.value(table::CONSUMER_PREFETCH_BYTES);
    check_room_for_message(
        reader,
        table::CONSUMER_PREFETCH_BYTES,
        bytes,
        max_body_bytes,
    );
    let fitting = bytes / largest_message(max_body_bytes);
    let fitting = u16::try_from(fitting).unwrap_or(u16::MAX).max(1);
    let prefetch = fitting.min(reader.value(table::CONSUMER_PREFETCH));
    let batch_size: usize = reader.value(table::INTAKE_BATCH_SIZE);
    ConsumerOptions {
        prefetch,
        // A batch that can never be full would always wait for its interval.
        batch_size: batch_size.min(prefetch.into()),
        concurrency: reader.value(table::INTAKE_CONCURRENCY),
        interval: Duration::from_millis(reader.value(table::INTAKE_BATCH_INTERVAL_MS)),
        ack_delay: None,
    }
}

/// Refuses a weak `JWT_SECRET` in production. The worker verifies no tokens, but the secret in its
/// environment is that of the whole installation, and every program reports a weak one.
fn refuse_weak_secret(reader: &mut Reader) {
    let production = AppEnv::read(reader).is_production();
    if production
        && let Some(secret) = reader.secret(table::JWT_SECRET)
        && let Some(why) = weakness(secret.expose_secret(), 32)
    {
        reader.problem(table::JWT_SECRET, why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVERS: [(&str, &str); 2] = [
        ("RABBITMQ_URL", "amqp://127.0.0.1"),
        ("DATABASE_URL", "postgres://127.0.0.1/tidings"),
    ];

    fn read(vars: &[(&str, &str)]) -> Result<WorkerSettings, SettingProblems> {
        let vars = vars
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        WorkerSettings::read(Reader::from_vars(vars))
    }

    #[test]
    fn the_two_servers_are_enough() {
        assert!(read(&SERVERS).is_ok());
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let problems = read(&[("WORKER_PORT", "x"), ("INTAKE_BATCH_SIZE", "0")]).expect_err("four");
        let names: Vec<_> = problems.0.iter().map(|problem| problem.name).collect();
        assert_eq!(
            names,
            [
                "WORKER_PORT",
                "RABBITMQ_URL",
                "DATABASE_URL",
                "INTAKE_BATCH_SIZE"
            ]
        );
    }

    #[test]
    fn the_prefetch_shrinks_until_the_largest_messages_fit() {
        let intake = |vars: &[(&str, &str)]| {
            read(&[&SERVERS[..], vars].concat())
                .expect("settings")
                .intake
        };
        let usual = intake(&[]);
        assert!(usual.prefetch > 1024, "{}", usual.prefetch);
        assert_eq!(usual.batch_size, 256);
        let large = intake(&[("MAX_BODY_BYTES", "15728640")]);
        assert_eq!((large.prefetch, large.batch_size), (8, 8));
        let small = intake(&[("MAX_BODY_BYTES", "1024"), ("CONSUMER_PREFETCH", "7")]);
        assert_eq!((small.prefetch, small.batch_size), (7, 7));
    }

    #[test]
    fn a_prefetch_without_room_for_one_message_is_refused() {
        let vars = [
            ("MAX_BODY_BYTES", "2000000"),
            ("CONSUMER_PREFETCH_BYTES", "2000000"),
        ];
        let problems = read(&[&SERVERS[..], &vars[..]].concat()).expect_err("no room");
        assert_eq!(problems.0[0].name, "CONSUMER_PREFETCH_BYTES");
    }

    #[test]
    fn a_weak_secret_is_refused_in_production_alone() {
        let weak = [SERVERS[0], SERVERS[1], ("JWT_SECRET", "short")];
        assert!(read(&weak).is_err());
        let development = [weak[0], weak[1], weak[2], ("APP_ENV", "development")];
        assert!(read(&development).is_ok());
    }
}
