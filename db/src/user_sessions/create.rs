use std::net::IpAddr;
use std::time::Duration;

use tidings_domain::access::SessionId;
use tidings_domain::notification::UserId;

use super::UserSession;
use super::read::COLUMNS;
use crate::GenericClient;
use crate::error::DbError;

/// Maximum length of a user agent, in bytes.
const MAX_USER_AGENT: usize = 256;

/// A session to insert.
#[derive(Clone, Copy, Debug)]
pub struct NewUserSession<'a> {
    /// A new id.
    pub id: SessionId,
    /// Who logs in.
    pub user: UserId,
    /// Random bytes.
    pub seed: &'a [u8; 32],
    /// How long the session can last at most.
    pub lifetime: Duration,
    /// The address of the client.
    pub ip: Option<IpAddr>,
    /// The `User-Agent` of the client.
    pub user_agent: Option<&'a str>,
}

/// Inserts a session of generation 1.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn create(
    client: &impl GenericClient,
    new: NewUserSession<'_>,
) -> Result<UserSession, DbError> {
    let sql = format!(
        "INSERT INTO sessions (id, user_id, seed, expires_at, ip, user_agent)
         VALUES ($1, $2, $3, now() + make_interval(secs => $4), $5, $6)
         RETURNING {COLUMNS}"
    );
    let statement = client.prepare_cached(&sql).await?;
    let agent = new
        .user_agent
        .map(|text| text[..text.floor_char_boundary(MAX_USER_AGENT)].replace('\0', "\u{fffd}"));
    let ip = new.ip.map(|ip| ip.to_canonical());
    let row = client
        .query_one(
            &statement,
            &[
                &new.id.as_uuid(),
                &new.user.as_uuid(),
                &&new.seed[..],
                &new.lifetime.as_secs_f64(),
                &ip,
                &agent,
            ],
        )
        .await?;
    Ok(UserSession::from(&row))
}
