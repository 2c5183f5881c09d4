//! The API's settings.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tidings_broker::{BrokerSettings, check_room_for_message};
use tidings_db::user_deletions::DeletionSettings;
use tidings_db::{DatabaseSettings, SecretKeys};
use tidings_domain::providers::ChannelProviders;
use tidings_domain::time::Timezone;
use tidings_domain::trace::TraceUrlTemplate;
use tidings_egress::EgressPolicy;
use tidings_settings::{
    AppEnv, Reader, SettingProblems, ShutdownSettings, Sources, TelemetrySettings,
    read_channel_providers, read_metrics_port, read_trace_url_template, table,
};
use tidings_unsubscribe::UnsubscribeLinks;

use crate::accounts;
use crate::dashboard::DashboardSettings;
use crate::inbox::Tickets;

pub use crate::acceptance::AcceptanceSettings;
pub use crate::accounts::AccountSettings;
pub use crate::auth::AuthSettings;
pub use crate::cors::AllowedOrigins;
pub use crate::grpc::GrpcSettings;
pub use crate::idempotency::IdempotencySettings;
pub use crate::rate_limit::RateLimitSettings;

/// All settings of the API.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// The address and the limits of the HTTP server.
    pub http: ApiHttpSettings,
    /// The gRPC server. `None` if there is none.
    pub grpc: Option<GrpcSettings>,
    /// How notifications are accepted while RabbitMQ is away.
    pub acceptance: AcceptanceSettings,
    /// How requests with an idempotency key are compared with earlier ones.
    pub idempotency: IdempotencySettings,
    /// How many requests callers may send.
    pub rate_limits: RateLimitSettings,
    /// `CONTROL_POLL_MS`: how often the API reads which channels are stopped.
    pub control_poll: Duration,
    /// `INBOX_POLL_MS`: how often the API looks for what the streams of inboxes have not got.
    pub inbox_poll: Duration,
    /// `DEFAULT_TIMEZONE`: the time zone of users who have set none.
    pub default_timezone: Timezone,
    /// Whose web pages may use the API.
    pub origins: AllowedOrigins,
    /// Which tokens are valid.
    pub auth: AuthSettings,
    /// The accounts of users, if they are on.
    pub accounts: Option<AccountSettings>,
    /// The dashboard.
    pub(crate) dashboard: DashboardSettings,
    /// `TRACE_URL_TEMPLATE`: where traces can be seen.
    pub trace_url: Option<TraceUrlTemplate>,
    /// How deletions of users are requested.
    pub deletions: DeletionSettings,
    /// Links to unsubscribe, if there are any.
    pub unsubscribe: Option<UnsubscribeLinks>,
    /// `TRUSTED_PROXIES`: whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Which channels are on.
    pub providers: ChannelProviders,
    /// Where webhooks may go.
    pub egress: EgressPolicy,
    /// RabbitMQ.
    pub broker: BrokerSettings,
    /// PostgreSQL, for the endpoints that read.
    pub database: DatabaseSettings,
    /// Encrypt the secrets of webhook endpoints.
    pub secret_keys: SecretKeys,
    /// Logs.
    pub telemetry: TelemetrySettings,
    /// Shutdown.
    pub shutdown: ShutdownSettings,
    /// Where all of them come from.
    pub sources: Arc<Sources>,
}

/// The address and the limits of the HTTP server.
#[derive(Clone, Copy, Debug)]
pub struct ApiHttpSettings {
    /// `BIND_ADDRESS`.
    pub address: IpAddr,
    /// `API_PORT`; 0 takes any free port.
    pub port: u16,
    /// `METRICS_PORT`: the port of `/metrics`, if it is another one; 0 takes any free port.
    pub metrics_port: Option<u16>,
    /// `API_WORKERS`: threads that handle requests. `None` is one per core.
    pub workers: Option<usize>,
    /// `MAX_BODY_BYTES`: maximum size of a request body. At most 15 MiB, because RabbitMQ 4 closes a channel
    /// that publishes more than 16 MiB.
    pub max_body_bytes: usize,
    /// `MAX_BATCH_BODY_BYTES`: maximum size of the body of a batch. Each item may have `MAX_BODY_BYTES`.
    pub max_batch_body_bytes: usize,
    /// `MAX_REQUEST_BYTES_IN_FLIGHT`: maximum size of all request bodies that are received or processed.
    pub max_request_bytes_in_flight: usize,
    /// `MAX_RESPONSE_BYTES_IN_FLIGHT`: maximum size of all responses that clients have not read.
    pub max_response_bytes_in_flight: usize,
    /// `MAX_CONNECTIONS`. `None` derives it from the limit of open files.
    pub max_connections: Option<usize>,
    /// `REQUEST_HEAD_TIMEOUT_SECS`: maximum time from the first byte of a request head to its last byte.
    pub request_head_timeout: Duration,
    /// `RESPONSE_TIMEOUT_SECS`: maximum time for a client to read a response.
    pub response_timeout: Duration,
    /// `QUEUE_MAX_LENGTH`: the API refuses notifications while more messages than this wait. 0 is no limit.
    pub queue_max_length: u32,
    /// `SCHEDULE_MAX_DAYS`: how far ahead a notification may be scheduled.
    pub schedule_max_days: u32,
}

impl ApiSettings {
    /// What signs the tickets of streams: a secret that all processes of the API have, if there is one.
    pub(crate) fn stream_tickets(&self) -> Tickets {
        let accounts = self.accounts.as_ref().map(|accounts| &accounts.secret);
        Tickets::new(self.auth.secret.as_ref().or(accounts))
    }

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
            metrics_port: read_metrics_port(r, table::API_PORT),
            workers: r.optional(table::API_WORKERS),
            max_body_bytes: r.value(table::MAX_BODY_BYTES),
            max_batch_body_bytes: r.value(table::MAX_BATCH_BODY_BYTES),
            max_request_bytes_in_flight: r.value(table::MAX_REQUEST_BYTES_IN_FLIGHT),
            max_response_bytes_in_flight: r.value(table::MAX_RESPONSE_BYTES_IN_FLIGHT),
            max_connections: r.optional(table::MAX_CONNECTIONS),
            request_head_timeout: Duration::from_secs(r.value(table::REQUEST_HEAD_TIMEOUT_SECS)),
            response_timeout: Duration::from_secs(r.value(table::RESPONSE_TIMEOUT_SECS)),
            queue_max_length: r.value(table::QUEUE_MAX_LENGTH),
            schedule_max_days: r.value(table::SCHEDULE_MAX_DAYS),
        };
        check_request_bytes(r, &http);
        let acceptance = AcceptanceSettings::read(r);
        let idempotency = IdempotencySettings::read(r);
        let rate_limits = RateLimitSettings::read(r);
        let control_poll = Duration::from_millis(r.value(table::CONTROL_POLL_MS));
        let inbox_poll = Duration::from_millis(r.value(table::INBOX_POLL_MS));
        let default_timezone: Timezone = r.value(table::DEFAULT_TIMEZONE);
        let origins = AllowedOrigins::read(r);
        let environment = AppEnv::read(r);
        let grpc = GrpcSettings::read(r, environment, http.address);
        let auth = AuthSettings::read(r, environment);
        let (providers, egress) = (read_channel_providers(r), EgressPolicy::read(r));
        let deletions = DeletionSettings::read(r, &providers);
        let accounts = AccountSettings::read(r, environment, &providers);
        let dashboard = DashboardSettings::read(r, default_timezone.clone());
        let trace_url = read_trace_url_template(r);
        let unsubscribe = UnsubscribeLinks::read_settings(r);
        let trusted_proxies = accounts::read_trusted_proxies(r);
        let (broker, database) = (BrokerSettings::read(r), DatabaseSettings::read(r));
        if let Some(broker) = &broker {
            let limit = broker.publish_max_bytes_in_flight;
            let setting = table::PUBLISH_MAX_BYTES_IN_FLIGHT;
            check_room_for_message(r, setting, limit, http.max_body_bytes);
        }
        let secret_keys = SecretKeys::read(r);
        let telemetry = TelemetrySettings::read(r);
        let shutdown = ShutdownSettings::read(r);
        let sources = Arc::new(r.sources().clone());
        let settings = match (auth, broker, database) {
            (Some(auth), Some(broker), Some(database)) => Some(Self {
                http,
                grpc,
                acceptance,
                idempotency,
                rate_limits,
                control_poll,
                inbox_poll,
                default_timezone,
                origins,
                auth,
                accounts,
                dashboard,
                trace_url,
                deletions,
                unsubscribe,
                trusted_proxies,
                providers,
                egress,
                broker,
                database,
                secret_keys,
                telemetry,
                shutdown,
                sources,
            }),
            _ => None,
        };
        reader.finish(settings)
    }
}

/// Reports that the largest bodies could never be received. See [`ByteBudget`](tidings_http::ByteBudget): large bodies
/// leave a quarter to small ones.
fn check_request_bytes(reader: &mut Reader, http: &ApiHttpSettings) {
    let limit = http.max_request_bytes_in_flight;
    for (setting, bytes) in [
        (table::MAX_BODY_BYTES, http.max_body_bytes),
        (table::MAX_BATCH_BODY_BYTES, http.max_batch_body_bytes),
    ] {
        if bytes > limit / 4 * 3 {
            let message = format!(
                "{limit}: must be at least {}, so that one body of {} ({bytes}) fits into three quarters of it",
                bytes.div_ceil(3) * 4,
                setting.name
            );
            reader.problem(table::MAX_REQUEST_BYTES_IN_FLIGHT, message);
        }
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
    fn limits_that_cannot_work_together_are_refused() {
        for (vars, culprit) in [
            (
                [
                    ("MAX_BATCH_BODY_BYTES", "100000000"),
                    ("MAX_BODY_BYTES", "65536"),
                ],
                "MAX_REQUEST_BYTES_IN_FLIGHT",
            ),
            (
                [
                    ("PUBLISH_MAX_BYTES_IN_FLIGHT", "1048576"),
                    ("MAX_BODY_BYTES", "1048576"),
                ],
                "PUBLISH_MAX_BYTES_IN_FLIGHT",
            ),
        ] {
            let servers = [
                ("RABBITMQ_URL", "amqp://127.0.0.1"),
                ("DATABASE_URL", "postgres://127.0.0.1/tidings"),
                ("JWT_SECRET", "4f9c1b7e2a8d6053f1e7c9b2a4d8063e"),
            ];
            let problems = read(&[&servers[..], &vars[..]].concat()).expect_err(culprit);
            let names: Vec<_> = problems.0.iter().map(|problem| problem.name).collect();
            assert_eq!(names, [culprit], "{problems}");
        }
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
