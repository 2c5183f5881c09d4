//! Signing secrets: only this module reads them from the table.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// An endpoint with its signing secrets.
#[derive(Clone, Debug)]
pub struct SigningEndpoint {
    /// UUIDv7.
    pub id: Uuid,
    /// The URL.
    pub url: String,
    /// The signing secrets, the newest first: one, or two during a rotation.
    pub secrets: Vec<SecretString>,
}

/// The previous secret is selected only while it is valid.
const COLUMNS: &str = "id, url, secret, \
                       CASE WHEN previous_secret_until > now() THEN previous_secret END";

impl From<&tokio_postgres::Row> for SigningEndpoint {
    /// Converts a row of `COLUMNS`.
    fn from(row: &tokio_postgres::Row) -> Self {
        let current: String = row.get(2);
        let previous: Option<String> = row.get(3);
        Self {
            id: row.get(0),
            url: row.get(1),
            secrets: std::iter::once(current)
                .chain(previous)
                .map(SecretString::from)
                .collect(),
        }
    }
}

/// Lists the enabled endpoints of users, the newest first.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list_enabled(
    client: &impl GenericClient,
    users: &[UserId],
) -> Result<HashMap<UserId, Vec<SigningEndpoint>>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS}, user_id FROM webhook_endpoints
         WHERE user_id = ANY ($1) AND enabled ORDER BY id DESC"
    );
    let statement = client.prepare_cached(&sql).await?;
    let users: Vec<Uuid> = users.iter().map(|user| user.as_uuid()).collect();
    let mut endpoints = HashMap::<_, Vec<_>>::new();
    for row in client.query(&statement, &[&users]).await? {
        let user = UserId::from(row.get::<_, Uuid>(4));
        let endpoint = SigningEndpoint::from(&row);
        endpoints.entry(user).or_default().push(endpoint);
    }
    Ok(endpoints)
}

/// Replaces the secret of the endpoint `id`, of `owner` if one is given. The current secret stays valid
/// for `keep_previous`; an older one becomes invalid. Returns when the current secret becomes invalid,
/// and `None` if the endpoint does not exist.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn rotate_secret(
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
