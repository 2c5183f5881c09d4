use std::net::IpAddr;

use tidings_db::audit::{ActorKind, AuditOrigin};
use tidings_domain::notification::UserId;

/// The client of a request, as far as it is known.
#[derive(Clone, Debug)]
pub struct ClientInfo {
    /// The address: that of the connection, or the one that a trusted proxy has forwarded.
    pub ip: Option<IpAddr>,
    /// The `User-Agent`.
    pub user_agent: Option<String>,
    /// Identifies the request in the logs.
    pub request_id: String,
}

impl ClientInfo {
    /// Actions of a user from this client.
    pub(super) fn acting_as(&self, user: UserId) -> AuditOrigin {
        self.origin(ActorKind::User, &user.to_string())
    }

    /// Actions of a client that is not known to be a user.
    pub(super) fn anonymous(&self) -> AuditOrigin {
        self.origin(ActorKind::System, "tidings-api")
    }

    fn origin(&self, kind: ActorKind, actor: &str) -> AuditOrigin {
        let agent = self.user_agent.as_deref();
        AuditOrigin::new(kind, actor).with_request(&self.request_id, self.ip, agent)
    }
}
