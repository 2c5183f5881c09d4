use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use tidings_domain::access::SessionId;
use tidings_domain::notification::UserId;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// A session.
#[derive(Clone, PartialEq, Eq)]
pub struct UserSession {
    /// The id.
    pub id: SessionId,
    /// Who has logged in.
    pub user: UserId,
    /// The refresh tokens derive from it.
    pub seed: Vec<u8>,
    /// The number of the refresh token that is valid.
    pub generation: i64,
    /// When the generation began.
    pub rotated_at: Timestamp,
    /// When the user logged in.
    pub created_at: Timestamp,
    /// When a refresh token was last used.
    pub last_used_at: Timestamp,
    /// When the session ends at the latest.
    pub expires_at: Timestamp,
    /// When the session ended.
    pub ended_at: Option<Timestamp>,
    /// The address of the client at the login.
    pub ip: Option<IpAddr>,
    /// The `User-Agent` of the login.
    pub user_agent: Option<String>,
    /// The time of PostgreSQL at the query.
    pub now: Timestamp,
}

/// Logs must not contain the seed.
impl fmt::Debug for UserSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserSession")
            .field("id", &self.id)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl UserSession {
    /// Whether the session may be used. `idle` is how long it may stay unused.
    #[must_use]
    pub fn is_alive(&self, idle: Duration) -> bool {
        self.ended_at.is_none()
            && self.expires_at > self.now
            && self.now.duration_since(self.last_used_at).as_secs_f64() < idle.as_secs_f64()
    }

    /// How long the current generation has been valid.
    #[must_use]
    pub fn age_of_generation(&self) -> Duration {
        let age = self.now.duration_since(self.rotated_at);
        age.try_into().unwrap_or_default()
    }
}

pub(super) const COLUMNS: &str = "id, user_id, seed, generation, rotated_at, created_at, last_used_at, expires_at, ended_at, ip, \
     user_agent, statement_timestamp()";

impl From<&Row> for UserSession {
    /// Converts a row of `COLUMNS`.
    fn from(row: &Row) -> Self {
        Self {
            id: row.get::<_, Uuid>(0).into(),
            user: row.get::<_, Uuid>(1).into(),
            seed: row.get(2),
            generation: row.get(3),
            rotated_at: row.get(4),
            created_at: row.get(5),
            last_used_at: row.get(6),
            expires_at: row.get(7),
            ended_at: row.get(8),
            ip: row.get(9),
            user_agent: row.get(10),
            now: row.get(11),
        }
    }
}

/// Finds a session by its id, ended ones included.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find(
    client: &impl GenericClient,
    id: SessionId,
) -> Result<Option<UserSession>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM sessions WHERE id = $1");
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_opt(&statement, &[&id.as_uuid()]).await?;
    Ok(row.as_ref().map(UserSession::from))
}

/// Maximum number of sessions that [`list`] returns.
const MAX_LISTED: i64 = 200;

/// Returns the sessions of a user that may be used, the newest first, at most 200.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(
    client: &impl GenericClient,
    user: UserId,
    idle: Duration,
) -> Result<Vec<UserSession>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions
         WHERE user_id = $1 AND ended_at IS NULL AND expires_at > now()
               AND last_used_at > now() - make_interval(secs => $2)
         ORDER BY id DESC LIMIT $3"
    );
    let statement = client.prepare_cached(&sql).await?;
    let rows = client
        .query(
            &statement,
            &[&user.as_uuid(), &idle.as_secs_f64(), &MAX_LISTED],
        )
        .await?;
    Ok(rows.iter().map(UserSession::from).collect())
}

/// What is known about the client of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginClient {
    /// The address.
    pub ip: Option<IpAddr>,
    /// The `User-Agent`.
    pub user_agent: Option<String>,
}

/// Returns the clients of a user's logins within the last `age`, those to the dashboard and ended sessions included, the newest
/// first, at most 200.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn login_clients_since(
    client: &impl GenericClient,
    user: UserId,
    age: Duration,
) -> Result<Vec<LoginClient>, DbError> {
    let of = |table: &str| {
        format!(
            "SELECT ip, user_agent, created_at FROM {table}
             WHERE user_id = $1 AND created_at > now() - make_interval(secs => $2)"
        )
    };
    let sql = format!(
        "{} UNION ALL {} ORDER BY created_at DESC LIMIT $3",
        of("sessions"),
        of("dashboard_sessions")
    );
    let statement = client.prepare_cached(&sql).await?;
    let rows = client
        .query(
            &statement,
            &[&user.as_uuid(), &age.as_secs_f64(), &MAX_LISTED],
        )
        .await?;
    let clients = rows.iter().map(|row| LoginClient {
        ip: row.get(0),
        user_agent: row.get(1),
    });
    Ok(clients.collect())
}
