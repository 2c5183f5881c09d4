//! What signs: the secrets leave the table through here alone.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// An endpoint as a delivery needs it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// UUIDv7.
    pub id: Uuid,
    /// Where it is.
    pub url: String,
    /// Whether anything may be sent there.
    pub enabled: bool,
    /// What signs, the newest first: one secret, or two while one is rotated.
    pub secrets: Vec<SecretString>,
}

/// The secret before stands there only while it still signs.
const COLUMNS: &str = "id, url, enabled, secret, \
                       CASE WHEN previous_secret_until > now() THEN previous_secret END";

impl From<&tokio_postgres::Row> for Endpoint {
    /// Of a row of `COLUMNS`.
    fn from(row: &tokio_postgres::Row) -> Self {
        let current: String = row.get(3);
        let previous: Option<String> = row.get(4);
        Self {
            id: row.get(0),
            url: row.get(1),
            enabled: row.get(2),
            secrets: std::iter::once(current)
                .chain(previous)
                .map(SecretString::from)
                .collect(),
        }
    }
}

/// Where a webhook to a user goes: every endpoint of theirs that is enabled, the newest first.
///
/// # Errors
///
/// Those of the query.
pub async fn enabled_of(
    client: &impl GenericClient,
    user: UserId,
) -> Result<Vec<Endpoint>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM webhook_endpoints WHERE user_id = $1 AND enabled ORDER BY id DESC"
    );
    let statement = client.prepare_cached(&sql).await?;
    let rows = client.query(&statement, &[&user.as_uuid()]).await?;
    Ok(rows.iter().map(Endpoint::from).collect())
}

/// One endpoint of a user's, enabled or not; `None` where it is none of theirs.
///
/// # Errors
///
/// Those of the query.
pub async fn find_of(
    client: &impl GenericClient,
    id: Uuid,
    user: UserId,
) -> Result<Option<Endpoint>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM webhook_endpoints WHERE id = $1 AND user_id = $2");
    let statement = client.prepare_cached(&sql).await?;
    let row = client
        .query_opt(&statement, &[&id, &user.as_uuid()])
        .await?;
    Ok(row.as_ref().map(Endpoint::from))
}

/// Gives the endpoint `id` another secret where there is one and, if an owner is given, it is theirs. The
/// one before signs too for as long as `keep_previous`; one before that no longer does. Returns until
/// when.
///
/// # Errors
///
/// Those of the query.
pub async fn rotate(
    client: &impl GenericClient,
    id: Uuid,
    owner: Option<UserId>,
    new_secret: &SecretString,
    keep_previous: Duration,
) -> Result<Option<Timestamp>, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE webhook_endpoints
             SET previous_secret = secret,
                 previous_secret_until = now() + make_interval(secs => $4),
                 secret = $3,
                 updated_at = now()
             WHERE id = $1 AND ($2::uuid IS NULL OR user_id = $2)
             RETURNING previous_secret_until",
        )
        .await?;
    let owner = owner.map(UserId::as_uuid);
    let row = client
        .query_opt(
            &statement,
            &[
                &id,
                &owner,
                &new_secret.expose_secret(),
                &keep_previous.as_secs_f64(),
            ],
        )
        .await?;
    Ok(row.map(|row| row.get(0)))
}
