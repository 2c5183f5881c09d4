//! The worker's settings.

use std::net::IpAddr;

use tidings_common::settings::{
    AppEnv, BrokerSettings, Problems, Reader, ShutdownSettings, TelemetrySettings, weakness,
};
use tidings_db::DatabaseSettings;

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
    /// The intake stage.
    pub intake: ConsumerSettings,
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

/// How a consumer takes messages.
#[derive(Clone, Copy, Debug)]
pub struct ConsumerSettings {
    /// `CONSUMER_PREFETCH`, default 2048: messages that the broker may have handed over and not
    /// had back, at most.
    pub prefetch: u16,
    /// `INTAKE_BATCH_SIZE`, default 256: messages in one transaction, at most.
    pub batch_size: usize,
    /// `INTAKE_CONCURRENCY`, default 4: batches in flight at once.
    pub concurrency: usize,
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
        let intake = ConsumerSettings {
            prefetch: r.within("CONSUMER_PREFETCH", 2048, 1..=65535),
            batch_size: r.within("INTAKE_BATCH_SIZE", 256, 1..=10_000),
            concurrency: r.within("INTAKE_CONCURRENCY", 4, 1..=256),
        };
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
            intake,
            schema,
        });
        reader.finish(settings)
    }
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
