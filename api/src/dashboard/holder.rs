//! Who the holder of a session is to the rest of the API.

use tidings_db::audit::{ActorKind, AuditOrigin};
use tidings_db::dashboard_sessions::SessionHolder;

use crate::accounts::ClientInfo;

/// What the subject of a login by a link begins with. No token may have a subject that begins so.
pub const RESERVED_SUBJECT_PREFIX: &str = "dashboard:";

/// The name of the caller that uses a session: the id of the user, or `dashboard:` and the user of the operating system who made
/// the link.
pub fn subject(holder: &SessionHolder) -> String {
    match holder {
        SessionHolder::User(user) => user.to_string(),
        SessionHolder::Link(created_by) => format!("{RESERVED_SUBJECT_PREFIX}{created_by}"),
    }
}

/// The holder in the audit log.
pub(super) fn origin(holder: &SessionHolder, client: &ClientInfo) -> AuditOrigin {
    let kind = match holder {
        SessionHolder::User(_) => ActorKind::User,
        SessionHolder::Link(_) => ActorKind::Service,
    };
    let agent = client.user_agent.as_deref();
    AuditOrigin::new(kind, &subject(holder)).with_request(&client.request_id, client.ip, agent)
}
