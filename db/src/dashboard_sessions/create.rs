use std::net::IpAddr;

use tidings_domain::access::{DashboardRole, DashboardSessionToken, Scope, SessionId};
use tidings_domain::notification::UserId;

use super::LIFETIME;
use crate::GenericClient;
use crate::error::DbError;

/// Maximum length of a user agent, in bytes.
const MAX_USER_AGENT: usize = 256;

/// Who has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionHolder {
    /// A user, with a password.
    User(UserId),
    /// Somebody with a link that this user of the operating system made.
    Link(String),
}

/// A session to insert.
#[derive(Clone, Debug)]
pub struct NewDashboardSession<'a> {
    /// A new id.
    pub id: SessionId,
    /// A new token.
    pub token: &'a DashboardSessionToken,
    /// Who logs in.
    pub holder: &'a SessionHolder,
    /// What the session may do.
    pub role: DashboardRole,
    /// The address of the client.
    pub ip: Option<IpAddr>,
    /// The `User-Agent` of the client.
    pub user_agent: Option<&'a str>,
}

/// Inserts a session.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn create(
    client: &impl GenericClient,
    new: &NewDashboardSession<'_>,
) -> Result<(), DbError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO dashboard_sessions (id, token, user_id, created_by, role, scopes, expires_at, ip, user_agent)
             VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7), $8, $9)",
        )
        .await?;
    let (user, created_by) = match new.holder {
        SessionHolder::User(user) => (Some(user.as_uuid()), None),
        SessionHolder::Link(created_by) => (None, Some(created_by)),
    };
    let scopes: Vec<&str> = new.role.scopes().stated().map(Scope::as_str).collect();
    let agent = new
        .user_agent
        .map(|text| text[..text.floor_char_boundary(MAX_USER_AGENT)].replace('\0', "\u{fffd}"));
    let ip = new.ip.map(|ip| ip.to_canonical());
    client
        .execute(
            &statement,
            &[
                &new.id.as_uuid(),
                &&new.token.hash()[..],
                &user,
                &created_by,
                &new.role.as_str(),
                &scopes,
                &LIFETIME.as_secs_f64(),
                &ip,
                &agent,
            ],
        )
        .await?;
    Ok(())
}
