//! The API's settings.

use std::net::IpAddr;

use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;
use tidings_domain::providers::ChannelProviders;
use tidings_egress::EgressPolicy;
use tidings_settings::{AppEnv, Problems, Reader, ShutdownSettings, TelemetrySettings};

pub use crate::auth::AuthSettings;

/// Everything that the API can be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens, and its limits.
    pub http: HttpSettings,
    /// Whose tokens it takes.
    pub auth: AuthSettings,
    /// Which channels are on.
    pub providers: ChannelProviders,
    /// Where webhooks may go.
    pub egress: EgressPolicy,
    /// RabbitMQ.
    pub broker: BrokerSettings,
    /// PostgreSQL, for what is read.
    pub database: DatabaseSettings,
    /// Logs.
    pub telemetry: TelemetrySettings,
    /// How the program leaves.
    pub shutdown: ShutdownSettings,
}

/// Where the API listens, and its limits.
#[derive(Clone, Copy, Debug)]
pub struct HttpSettings {
    /// `BIND_ADDRESS`, default 127.0.0.1.
    pub address: IpAddr,
    /// `API_PORT`, default 8080; 0 takes any free port.
    pub port: u16,
    /// `API_WORKERS`: threads that handle requests; one a core where it is not set.
    pub workers: Option<usize>,
    /// `MAX_BODY_BYTES`, default 65536: the largest body of a request. At most 15 MiB, because a
    /// RabbitMQ of version 4 closes the channel of whoever publishes more than 16.
    pub max_body_bytes: usize,
    /// `MAX_BATCH_BODY_BYTES`, default 8388608: the largest body of a batch, each of whose items may
    /// have `MAX_BODY_BYTES`.
    pub max_batch_body_bytes: usize,
    /// `QUEUE_MAX_LENGTH`, default 1000000, 0 for none: while more messages wait than this, no
    /// notification is taken.
    pub queue_max_length: u32,
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
            port: r.or("API_PORT", 8080),
            workers: r.optional("API_WORKERS"),
            max_body_bytes: r.within("MAX_BODY_BYTES", 65_536, 1024..=15_728_640),
            max_batch_body_bytes: r.within("MAX_BATCH_BODY_BYTES", 8_388_608, 1024..=134_217_728),
            queue_max_length: r.or("QUEUE_MAX_LENGTH", 1_000_000),
        };
        if http.workers == Some(0) {
            r.problem("API_WORKERS", "must be at least 1");
        }
        let environment = AppEnv::read(r);
        let auth = AuthSettings::read(r, environment);
        let (providers, egress) = (read_channel_providers(r), EgressPolicy::read(r));
        let (broker, database) = (BrokerSettings::read(r), DatabaseSettings::read(r));
        let telemetry = TelemetrySettings::read(r);
        let shutdown = ShutdownSettings::read(r);
        let settings = match (auth, broker, database) {
            (Some(auth), Some(broker), Some(database)) => Some(Self {
                http,
                auth,
                providers,
                egress,
                broker,
                database,
                telemetry,
                shutdown,
            }),
            _ => None,
        };
        reader.finish(settings)
    }
}

/// Reads which provider delivers for each channel.
fn read_channel_providers(reader: &mut Reader) -> ChannelProviders {
    let production = AppEnv::reads_as_production(reader);
    let (providers, mistakes) = ChannelProviders::parse(|name| reader.text(name), production);
    for mistake in mistakes {
        reader.problem(mistake.variable, mistake.message);
    }
    providers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<Settings, Problems> {
        let vars = vars
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::read(Reader::from_vars(vars))
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let problems = read(&[("API_PORT", "eighty"), ("MAX_BODY_BYTES", "1")]).expect_err("five");
        let names: Vec<_> = problems.0.iter().map(|problem| problem.name).collect();
        assert_eq!(
            names,
            [
                "API_PORT",
                "MAX_BODY_BYTES",
                "JWT_SECRET",
                "RABBITMQ_URL",
                "DATABASE_URL"
            ]
        );
    }

    #[test]
    fn production_is_the_default_and_wants_a_strong_secret() {
        let vars = |secret, environment| {
            read(&[
                ("RABBITMQ_URL", "amqp://127.0.0.1"),
                ("DATABASE_URL", "postgres://127.0.0.1/tidings"),
                ("JWT_SECRET", secret),
                ("APP_ENV", environment),
            ])
        };
        assert!(vars("short", "").is_err());
        assert!(vars("change-me-change-me-change-me-change-me", "").is_err());
        assert!(vars("short", "development").is_ok());
        assert!(vars("4f9c1b7e2a8d6053f1e7c9b2a4d8063e", "production").is_ok());
    }
}
