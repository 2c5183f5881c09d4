//! The state of unit tests.

use std::sync::Arc;

use actix_web::web::Data;
use tidings_broker::{Depths, MessageFactory, Publisher, WakePublisher};
use tidings_runtime::tasks::Tasks;
use tidings_settings::Reader;
use tokio_util::sync::CancellationToken;

use crate::acceptance::Acceptance;
use crate::auth::Verifier;
use crate::auth::keys::ApiKeys;
use crate::idempotency::Idempotency;
use crate::inbox::{Inboxes, InboxesSettings};
use crate::rate_limit::RateLimits;
use crate::settings::ApiSettings;
use crate::state::AppState;

/// A state whose servers are unavailable: nothing listens on port 1.
pub fn state() -> Data<AppState> {
    let vars = [
        ("RABBITMQ_URL", "amqp://127.0.0.1:1"),
        ("DATABASE_URL", "postgres://127.0.0.1:1/none"),
        ("JWT_SECRET", "4f9c1b7e2a8d6053f1e7c9b2a4d8063e5b7a9c1d"),
    ];
    let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = ApiSettings::read(Reader::from_vars(vars)).expect("settings");
    let stop = CancellationToken::new();
    let (publisher, _) = Publisher::start(settings.broker.clone(), "test", |_| {}, stop.clone());
    let database = tidings_db::Database::new(&settings.database, "test").expect("a pool");
    let (wakes, _) = WakePublisher::start(publisher.clone(), &settings.broker);
    let inbox = InboxesSettings {
        max_streams: 10,
        broker: settings.broker.clone(),
        poll: settings.inbox_poll,
        default_timezone: settings.default_timezone.clone(),
        shutdown_timeout: settings.shutdown.timeout,
    };
    let inbox = Inboxes::start(&inbox, &database, wakes, &mut Tasks::default(), &stop);
    Data::new(AppState {
        stream_tickets: Arc::new(settings.stream_tickets()),
        verifier: Arc::new(Verifier::new(&settings.auth).expect("a verifier")),
        api_keys: ApiKeys::start(
            &database,
            settings.control_poll,
            &mut Tasks::default(),
            &stop,
        ),
        accounts: None,
        deletions: settings.deletions,
        trusted_proxies: Vec::new().into(),
        message_factory: MessageFactory::new(&settings.broker),
        secret_keys: settings.secret_keys,
        depths: Depths::start(publisher.clone(), settings.broker.clone(), stop.clone()).0,
        idempotency: Idempotency::start(
            &database,
            settings.idempotency,
            &mut Tasks::default(),
            &stop,
        ),
        rate_limits: RateLimits::start(
            database.clone(),
            settings.rate_limits,
            &mut Tasks::default(),
            &stop,
        ),
        acceptance: Acceptance::start(
            publisher,
            &database,
            settings.acceptance,
            &inbox,
            &mut Tasks::default(),
            &stop,
        ),
        inbox,
        database,
        health: Arc::default(),
        control: Arc::default(),
        in_flight: Arc::default(),
        metrics: Some(tidings_runtime::telemetry::Metrics::detached()),
        request_bytes: tidings_http::ByteBudget::new(1 << 20),
        page_turns: Arc::new(crate::page_turn::PageTurn::semaphore(2)),
        statistics: Arc::default(),
        figures: Arc::default(),
        csv_files: Arc::new(crate::handlers::notifications::csv::semaphore()),
        unsubscribe: settings.unsubscribe,
        http: settings.http,
        providers: settings.providers,
        egress: settings.egress,
        dashboard: settings.dashboard,
        trace_url: settings.trace_url,
        system_checks: Arc::new(crate::system_checks::SystemChecks::new(settings.sources)),
    })
}
