use jiff::Timestamp;
use serde::Serialize;
use tidings_db::dashboard_sessions::{DashboardSession, SessionHolder};
use tidings_domain::access::Scope;
use tidings_domain::time::Timezone;
use utoipa::ToSchema;

use crate::dashboard;

/// A session of the dashboard.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DashboardSession)]
pub struct SessionView {
    /// Who has logged in: the id of a user, or `dashboard:` and the user of the operating system who made the link.
    #[schema(example = "dashboard:anna")]
    subject: String,
    /// The name of that user.
    #[schema(example = "anna")]
    name: Option<String>,
    /// `viewer`, `operator` or `admin`.
    #[schema(example = "operator")]
    role: &'static str,
    /// What the session may do. `admin` is everything.
    #[schema(example = json!(["dashboard", "templates:write"]))]
    scopes: Vec<&'static str>,
    /// What each change must have in the header `X-CSRF-Token`.
    csrf_token: String,
    /// When the session ends at the latest.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// When the session ends unless a request uses it.
    #[schema(value_type = String, format = DateTime)]
    idle_expires_at: Timestamp,
    /// The version of the API.
    #[schema(example = "1.0.0")]
    version: &'static str,
    /// The time zone of the user, or of the installation.
    #[schema(example = "Europe/Berlin")]
    timezone: Option<String>,
}

impl SessionView {
    pub fn new(session: &DashboardSession, csrf_token: String, default: &Timezone) -> Self {
        let name = match &session.holder {
            SessionHolder::User(_) => session.username.clone(),
            SessionHolder::Link(created_by) => Some(created_by.clone()),
        };
        let timezone = session.timezone.clone();
        Self {
            subject: dashboard::subject(&session.holder),
            name,
            role: session.role.as_str(),
            scopes: session.scopes.stated().map(Scope::as_str).collect(),
            csrf_token,
            expires_at: session.expires_at,
            idle_expires_at: session.idle_expires_at,
            version: env!("CARGO_PKG_VERSION"),
            timezone: Some(timezone.unwrap_or_else(|| default.to_string())),
        }
    }
}
