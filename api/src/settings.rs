//! The API's settings.

use std::net::IpAddr;

use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;
use tidings_domain::providers::ChannelProviders;
use tidings_egress::EgressPolicy;
use tidings_settings::{
    AppEnv, Reader, SettingProblems, ShutdownSettings, TelemetrySettings, read_channel_providers,
    table,
};

pub use crate::auth::AuthSettings;

/// All settings of the API.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// The address and the limits of the HTTP server.
    pub http: ApiHttpSettings,
    /// Which tokens are valid.
    pub auth: AuthSettings,
    /// Which channels are on.
    pub providers: ChannelProviders,
    /// Where webhooks may go.
    pub egress: EgressPolicy,
    /// RabbitMQ.
    pub broker: BrokerSettings,
    /// PostgreSQL, for the endpoints that read.
    pub database: DatabaseSettings,
    /// Logs.
    pub telemetry: TelemetrySettings,
    /// Shutdown.
    pub shutdown: ShutdownSettings,
}

/// The address and the limits of the HTTP server.
#[derive(Clone, Copy, Debug)]
pub struct ApiHttpSettings {
    /// `BIND_ADDRESS`.
    pub address: IpAddr,
    /// `API_PORT`; 0 takes any free port.
    pub port: u16,
    /// `API_WORKERS`: threads that handle requests. `None` is one per core.
    pub workers: Option<usize>,
    /// `MAX_BODY_BYTES`: maximum size of a request body. At most 15 MiB, because RabbitMQ 4 closes a channel
    /// that publishes more than 16 MiB.
    pub max_body_bytes: usize,
    /// `MAX_BATCH_BODY_BYTES`: maximum size of the body of a batch. Each item may have `MAX_BODY_BYTES`.
    pub max_batch_body_bytes: usize,
    /// `QUEUE_MAX_LENGTH`: the API refuses notifications while more messages than this wait. 0 is no limit.
    pub queue_max_length: u32,
}

impl ApiSettings {
    /// Reads all sections.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong.
    pub fn read(mut reader: Reader) -> Result<Self, SettingProblems> {
        let r = &mut reader;
        let http = ApiHttpSettings {
            address: r
                .optional(table::BIND_ADDRESS)
                .unwrap_or(IpAddr::from([127, 0, 0, 1])),
            port: r.value(table::API_PORT),
            workers: r.optional(table::API_WORKERS),
            max_body_bytes: r.value(table::MAX_BODY_BYTES),
            max_batch_body_bytes: r.value(table::MAX_BATCH_BODY_BYTES),
            queue_max_length: r.value(table::QUEUE_MAX_LENGTH),
        };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<ApiSettings, SettingProblems> {
        let vars = vars
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ApiSettings::read(Reader::from_vars(vars))
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
    fn production_is_the_default_and_requires_a_strong_secret() {
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
