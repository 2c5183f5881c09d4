//! Signing secrets: only this module reads them from the table.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;
use crate::secret_keys::{EndpointSecret, OpenError, SecretKeys};

/// How long messages are also signed with the previous secret, so that receivers have time to switch.
pub const KEEP_PREVIOUS_SECRET: Duration = Duration::from_hours(24);

/// An endpoint with its signing secrets.
#[derive(Clone, Debug)]
pub struct SigningEndpoint {
    /// UUIDv7.
    pub id: Uuid,
    /// The URL.
    pub url: String,
    /// The signing secrets, the newest first: one, or two during a rotation. An error if the newest one cannot be
    /// decrypted: then nothing may be sent.
    pub secrets: Result<Vec<SecretString>, OpenError>,
    /// Why the previous secret is missing from `secrets`, if it is still valid and cannot be decrypted.
    pub unopened_previous: Option<OpenError>,
}

/// The previous secret is selected only while it is valid.
const COLUMNS: &str = "id, url, secret, \
                       CASE WHEN previous_secret_until > now() THEN previous_secret END";

impl SigningEndpoint {
    /// Converts a row of `COLUMNS`.
    fn from_row(row: &tokio_postgres::Row, keys: &SecretKeys) -> Self {
        let id: Uuid = row.get(0);
        let (current, previous): (&str, Option<&str>) = (row.get(2), row.get(3));
        let (previous, unopened_previous) = match previous.map(|stored| keys.open(id, stored)) {
            Some(Ok(secret)) => (Some(secret), None),
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        Self {
            id,
            url: row.get(1),
            secrets: keys
                .open(id, current)
                .map(|current| std::iter::once(current).chain(previous).collect()),
            unopened_previous,
        }
    }
}

/// Lists the enabled endpoints of users, the newest first, and decrypts their secrets with `keys`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list_enabled(
    client: &impl GenericClient,
    users: &[UserId],
    keys: &SecretKeys,
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
        let endpoint = SigningEndpoint::from_row(&row, keys);
        endpoints.entry(user).or_default().push(endpoint);
    }
    Ok(endpoints)
}

/// Replaces the secret of the endpoint of `new_secret`, of `owner` if one is given. The current secret stays valid
/// for `keep_previous`; an older one becomes invalid. Returns when the current secret becomes invalid,
/// and `None` if the endpoint does not exist.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn rotate_secret(
    client: &impl GenericClient,
    new_secret: &EndpointSecret,
    owner: Option<UserId>,
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
                &new_secret.endpoint(),
                &owner,
                &new_secret.text(),
                &keep_previous.as_secs_f64(),
            ],
        )
        .await?;
    Ok(row.map(|row| row.get(0)))
}
