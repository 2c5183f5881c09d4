use secrecy::{ExposeSecret, SecretString};
use tidings_domain::content::WebhookUrl;
use tidings_domain::notification::UserId;
use uuid::Uuid;

use super::Row;
use super::read::COLUMNS;
use crate::error::DbError;
use crate::{Added, GenericClient, Transaction, users};

/// How many endpoints a user may have.
pub const MAX_PER_USER: i64 = 20;

/// An endpoint to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewEndpoint<'a> {
    /// Whose it is.
    pub user: UserId,
    /// Where it is.
    pub url: &'a WebhookUrl,
    /// What people call it.
    pub description: Option<&'a str>,
    /// What signs.
    pub secret: &'a SecretString,
}

/// Makes an endpoint, enabled. Never [`Added::Existing`]: a user may have several with one URL.
///
/// Locks the user's row until the transaction ends, so that concurrent calls for one user count one after the
/// other. The transaction must be at `READ COMMITTED`: at a higher level, the count misses what was committed
/// during the wait for the lock.
///
/// # Errors
///
/// Those of the queries.
pub async fn insert(
    transaction: &Transaction<'_>,
    new: NewEndpoint<'_>,
) -> Result<Added<Row>, DbError> {
    Ok(if users::lock(transaction, new.user).await? {
        let made = insert_below_limit(transaction, new).await?;
        made.map_or(Added::TooMany, Added::New)
    } else {
        Added::NoSuchUser
    })
}

/// `None` where the user has as many as they may have.
async fn insert_below_limit(
    client: &impl GenericClient,
    new: NewEndpoint<'_>,
) -> Result<Option<Row>, DbError> {
    let sql = format!(
        "INSERT INTO webhook_endpoints (id, user_id, url, description, secret)
         SELECT $1::uuid, $2::uuid, $3::text, $4::text, $5::text
         WHERE (SELECT count(*) FROM webhook_endpoints WHERE user_id = $2) < $6
         RETURNING {COLUMNS}"
    );
    let statement = client.prepare_cached(&sql).await?;
    let row = client
        .query_opt(
            &statement,
            &[
                &Uuid::now_v7(),
                &new.user.as_uuid(),
                &new.url.as_url().as_str(),
                &new.description,
                &new.secret.expose_secret(),
                &MAX_PER_USER,
            ],
        )
        .await?;
    Ok(row.as_ref().map(Row::from))
}

/// What is to be different about an endpoint; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Where it is.
    pub url: Option<WebhookUrl>,
    /// What people call it; empty for nothing.
    pub description: Option<String>,
    /// Whether anything is sent there. Enabling also clears why it was disabled.
    pub enabled: Option<bool>,
}

impl Changes {
    /// Whether everything stays.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.url.is_none() && self.description.is_none() && self.enabled.is_none()
    }
}

/// Changes the endpoint `id` where there is one and, if an owner is given, it is theirs. Returns it as
/// it is now.
///
/// # Errors
///
/// Those of the query.
pub async fn update(
    client: &impl GenericClient,
    id: Uuid,
    owner: Option<UserId>,
    changes: &Changes,
) -> Result<Option<Row>, DbError> {
    let sql = format!(
        "UPDATE webhook_endpoints
         SET url = coalesce($3, url),
             description = nullif(coalesce($4, description), ''),
             enabled = coalesce($5, enabled),
             disabled_reason = CASE WHEN $5 THEN NULL ELSE disabled_reason END,
             updated_at = now()
         WHERE id = $1 AND ($2::uuid IS NULL OR user_id = $2)
         RETURNING {COLUMNS}"
    );
    let statement = client.prepare_cached(&sql).await?;
    let owner = owner.map(UserId::as_uuid);
    let url = changes.url.as_ref().map(|url| url.as_url().as_str());
    let row = client
        .query_opt(
            &statement,
            &[&id, &owner, &url, &changes.description, &changes.enabled],
        )
        .await?;
    Ok(row.as_ref().map(Row::from))
}

/// Disables an endpoint because of what was answered at `url`: nothing is sent there until somebody
/// enables it. Returns whether it was there, with this URL, and enabled. `reason` is cut to 500
/// characters.
///
/// # Errors
///
/// Those of the query.
pub async fn disable(
    client: &impl GenericClient,
    id: Uuid,
    url: &WebhookUrl,
    reason: &str,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE webhook_endpoints
             SET enabled = false, disabled_reason = left($2, 500), updated_at = now()
             WHERE id = $1 AND url = $3 AND enabled",
        )
        .await?;
    let url = url.as_url().as_str();
    Ok(client.execute(&statement, &[&id, &reason, &url]).await? == 1)
}

/// Deletes the endpoint `id` where, if an owner is given, it is theirs. Returns whether it was there.
///
/// # Errors
///
/// Those of the query.
pub async fn delete(
    client: &impl GenericClient,
    id: Uuid,
    owner: Option<UserId>,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "DELETE FROM webhook_endpoints
             WHERE id = $1 AND ($2::uuid IS NULL OR user_id = $2)",
        )
        .await?;
    let owner = owner.map(UserId::as_uuid);
    Ok(client.execute(&statement, &[&id, &owner]).await? == 1)
}
