//! The worker's settings.

use std::net::IpAddr;
use std::time::Duration;

use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;
use tidings_domain::providers::ChannelProviders;
use tidings_settings::{AppEnv, Problems, Reader, ShutdownSettings, TelemetrySettings, weakness};

use crate::consumer::Taking;
use crate::delivery::DeliverySettings;
use crate::providers::ProviderSettings;
use crate::stages::Stages;

/// Everything that the worker can be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the probes listen.
    pub http: HttpSettings,
    /// RabbitMQ.
    pub broker: BrokerSettings,
    /// PostgreSQL.
    pub database: DatabaseSettings,
    /// Logs.
    pub telemetry: TelemetrySettings,
    /// How the program leaves.
    pub shutdown: ShutdownSettings,
    /// What this process serves.
    pub stages: Stages,
    /// How the intake takes messages.
    pub intake: Taking,
    /// How notifications are delivered.
    pub delivery: DeliverySettings,
    /// Who delivers for the channels that this process serves.
    pub providers: ProviderSettings,
    /// What happens to the schema at the start.
    pub schema: SchemaSettings,
}

/// Where the probes listen.
#[derive(Clone, Copy, Debug)]
pub struct HttpSettings {
    /// `BIND_ADDRESS`, default 127.0.0.1.
    pub address: IpAddr,
    /// `WORKER_PORT`, default 8081; 0 takes any free port.
    pub port: u16,
}

/// What happens to the schema at the start.
#[derive(Clone, Copy, Debug)]
pub struct SchemaSettings {
    /// `MIGRATE_ON_START`, default true. Without it the worker waits until somebody ran
    /// `tidings migrate`.
    pub migrate: bool,
    /// `SEED_DEMO_DATA`, default false.
    pub seed: bool,
}

/// What recording the outcome of a send may take.
const MARGIN: Duration = Duration::from_secs(5);

impl Settings {
    /// Reads them all.
    ///
    /// # Errors
    ///
    /// With everything that is wrong.
    pub fn read(mut reader: Reader) -> Result<Self, Problems> {
        let r = &mut reader;
        let http = HttpSettings {
            address: r.or("BIND_ADDRESS", IpAddr::from([127, 0, 0, 1])),
            port: r.or("WORKER_PORT", 8081),
        };
        let (broker, database) = (BrokerSettings::read(r), DatabaseSettings::read(r));
        let telemetry = TelemetrySettings::read(r);
        let shutdown = ShutdownSettings::read(r);
        let intake = read_intake(r);
        let channels = read_channel_providers(r);
        let stages = Stages::read(r, &channels);
        let delivery = DeliverySettings::read(r);
        if !stages.channels.is_empty() && shutdown.timeout < delivery.provider_timeout + MARGIN {
            let message = "must be at least 5 more than PROVIDER_TIMEOUT_SECS, so that a send can be finished";
            r.problem("SHUTDOWN_TIMEOUT_SECS", message);
        }
        let providers = ProviderSettings::read(r, channels.of(&stages.channels));
        let schema = SchemaSettings {
            migrate: r.or("MIGRATE_ON_START", true),
            seed: r.or("SEED_DEMO_DATA", false),
        };
        refuse_weak_secret(r);
        let settings = broker.zip(database).map(|(broker, database)| Self {
            http,
            broker,
            database,
            telemetry,
            shutdown,
            stages,
            intake,
            delivery,
            providers,
            schema,
        });
        reader.finish(settings)
    }
}

/// `CONSUMER_PREFETCH`, default 2048; `INTAKE_BATCH_SIZE`, default 256: messages in one transaction, at
/// most; `INTAKE_CONCURRENCY`, default 4: transactions at once; `INTAKE_BATCH_INTERVAL_MS`, default 10: from
/// the start of a transaction to that of the next, at least, unless that one is full.
fn read_intake(reader: &mut Reader) -> Taking {
    Taking {
        prefetch: reader.within("CONSUMER_PREFETCH", 2048, 1..=65535),
        batch_size: reader.within("INTAKE_BATCH_SIZE", 256, 1..=10_000),
        concurrency: reader.within("INTAKE_CONCURRENCY", 4, 1..=256),
        interval: Duration::from_millis(reader.within("INTAKE_BATCH_INTERVAL_MS", 10, 0..=1000)),
        ack_each: false,
    }
}

/// Reads which provider delivers for each channel.
pub(crate) fn read_channel_providers(reader: &mut Reader) -> ChannelProviders {
    let production = AppEnv::reads_as_production(reader);
    let (providers, mistakes) = ChannelProviders::parse(|name| reader.text(name), production);
    for mistake in mistakes {
        reader.problem(mistake.variable, mistake.message);
    }
    providers
}

/// The worker verifies no tokens and needs no secret. One that it is given all the same is the
/// installation's, and a weak one should be noticed wherever it shows.
fn refuse_weak_secret(reader: &mut Reader) {
    let production = AppEnv::read(reader).is_production();
    if let Some(secret) = reader.text("JWT_SECRET")
        && production
        && let Some(why) = weakness(secret, 32)
    {
        reader.problem("JWT_SECRET", why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVERS: [(&str, &str); 2] = [
        ("RABBITMQ_URL", "amqp://127.0.0.1"),
        ("DATABASE_URL", "postgres://127.0.0.1/tidings"),
    ];

    fn read(vars: &[(&str, &str)]) -> Result<Settings, Problems> {
        let vars = vars
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::read(Reader::from_vars(vars))
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
    fn a_weak_secret_is_refused_in_production_alone() {
        let weak = [SERVERS[0], SERVERS[1], ("JWT_SECRET", "short")];
        assert!(read(&weak).is_err());
        let development = [weak[0], weak[1], weak[2], ("APP_ENV", "development")];
        assert!(read(&development).is_ok());
    }
}
