use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::{Bytes, Data};
use ipnet::IpNet;
use tidings_broker::{Depths, MessageFactory};
use tidings_db::user_deletions::DeletionSettings;
use tidings_db::{ControlState, Database, SecretKeys};
use tidings_domain::notification::UserId;
use tidings_domain::overview::StatsFigures;
use tidings_domain::providers::ChannelProviders;
use tidings_domain::statistics::StatsQuery;
use tidings_domain::trace::TraceUrlTemplate;
use tidings_egress::EgressPolicy;
use tidings_http::ByteBudget;
use tidings_runtime::health::Health;
use tidings_runtime::telemetry::Metrics;
use tidings_unsubscribe::UnsubscribeLinks;
use tokio::sync::Semaphore;

use crate::acceptance::Acceptance;
use crate::accounts::{AccountError, AccountsState};
use crate::auth::Verifier;
use crate::auth::keys::ApiKeys;
use crate::dashboard::DashboardSettings;
use crate::idempotency::Idempotency;
use crate::inbox::{Inboxes, Tickets};
use crate::rate_limit::RateLimits;
use crate::settings::ApiHttpSettings;
use crate::shared_answers::SharedAnswers;
use crate::shutdown::RequestsInFlight;
use crate::system_checks::SystemChecks;

/// The state that the handlers share.
#[derive(Clone)]
pub struct AppState {
    pub verifier: Arc<Verifier>,
    pub api_keys: ApiKeys,
    /// The accounts of users, if they are on.
    pub accounts: Option<Arc<AccountsState>>,
    /// How deletions of users are requested.
    pub deletions: DeletionSettings,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Arc<[IpNet]>,
    pub acceptance: Acceptance,
    pub idempotency: Idempotency,
    pub rate_limits: RateLimits,
    pub message_factory: MessageFactory,
    pub depths: Depths,
    pub database: Database,
    pub secret_keys: SecretKeys,
    pub health: Arc<Health>,
    /// Which channels are stopped.
    pub control: Arc<ControlState>,
    pub in_flight: Arc<RequestsInFlight>,
    /// `None` if they are served on another port.
    pub metrics: Option<Metrics>,
    pub http: ApiHttpSettings,
    /// The request bodies that are received or processed.
    pub request_bytes: Arc<ByteBudget>,
    /// The pages that may be read at once: see [`PageTurn`](crate::page_turn::PageTurn).
    pub page_turns: Arc<Semaphore>,
    /// The statistics that dashboards show.
    pub statistics: Arc<SharedAnswers<StatsQuery, Bytes>>,
    /// The figures of the overview.
    pub figures: Arc<SharedAnswers<(), StatsFigures>>,
    /// The streams of inboxes.
    pub inbox: Inboxes,
    /// Open streams without a token.
    pub stream_tickets: Arc<Tickets>,
    /// The CSV files that may be read at once.
    pub csv_files: Arc<Semaphore>,
    /// Reads links to unsubscribe; `None` without `UNSUBSCRIBE_SECRETS`.
    pub unsubscribe: Option<UnsubscribeLinks>,
    pub providers: ChannelProviders,
    pub egress: EgressPolicy,
    pub dashboard: DashboardSettings,
    /// Where traces can be seen, if that is known.
    pub trace_url: Option<TraceUrlTemplate>,
    /// The checks of the installation, and its settings.
    pub system_checks: Arc<SystemChecks>,
}

impl AppState {
    /// The accounts of users.
    ///
    /// # Errors
    ///
    /// Returns [`AccountError::Off`] if they are off.
    pub fn accounts(&self) -> Result<&AccountsState, AccountError> {
        self.accounts.as_deref().ok_or(AccountError::Off)
    }

    /// Where traces can be seen. `owner` is that of [`NotificationLookup`](crate::handlers::notifications::NotificationLookup): a
    /// user does not learn the names of the operator's hosts.
    pub fn trace_url_for(&self, owner: Option<UserId>) -> Option<&TraceUrlTemplate> {
        self.trace_url.as_ref().filter(|_| owner.is_none())
    }

    /// The state of the application that handles the request.
    #[expect(
        clippy::expect_used,
        reason = "start-up invariant: every application is built with this state"
    )]
    pub fn of(request: &HttpRequest) -> &Self {
        request
            .app_data::<Data<Self>>()
            .expect("the application has its state")
    }
}
