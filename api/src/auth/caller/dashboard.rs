//! Callers that use a session of the dashboard.

use tidings_db::dashboard_sessions::DashboardSession;

use super::Caller;
use crate::dashboard;

impl Caller {
    /// The holder of a session of the dashboard.
    pub(super) fn of_session(session: &DashboardSession) -> Self {
        Self {
            dashboard_session: Some(session.id),
            expires_at: Some(session.expires_at),
            ..Self::new(&dashboard::subject(&session.holder), session.scopes)
        }
    }

    /// Whether the caller uses a session of the dashboard.
    #[must_use]
    pub const fn is_dashboard(&self) -> bool {
        self.dashboard_session.is_some()
    }

    /// Whether the caller has logged in as its user.
    pub(super) const fn has_logged_in(&self) -> bool {
        self.user_id.is_some() && (self.session.is_some() || self.dashboard_session.is_some())
    }
}
