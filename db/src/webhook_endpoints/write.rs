use tidings_domain::content::WebhookUrl;
use tidings_domain::notification::UserId;
use uuid::Uuid;

use super::WebhookEndpointRow;
use super::read::COLUMNS;
use crate::error::DbError;
use crate::secret_keys::EndpointSecret;
use crate::{GenericClient, LimitedInsert, Transaction, users};

/// The maximum number of endpoints of a user.
pub const MAX_PER_USER: i64 = 20;

/// An endpoint to insert.
#[derive(Clone, Copy, Debug)]
pub struct NewEndpoint<'a> {
    /// The owner.
    pub user: UserId,
    /// The URL.
    pub url: &'a WebhookUrl,
    /// The description.
    pub description: Option<&'a str>,
    /// The signing secret, which also determines the endpoint's id.
    pub secret: &'a EndpointSecret,
}

/// Inserts an enabled endpoint. Never returns [`LimitedInsert::Existing`]: a user may have several
/// endpoints with one URL.
///
/// Locks the user's row until the transaction ends, so that concurrent calls for one user count one after the
/// other. The transaction must be at `READ COMMITTED`: at a higher level, the count misses what was committed
/// during the wait for the lock.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn insert(
    transaction: &Transaction<'_>,
    new: NewEndpoint<'_>,
) -> Result<LimitedInsert<WebhookEndpointRow>, DbError> {
    Ok(if users::lock(transaction, new.user).await? {
        let made = insert_below_limit(transaction, new).await?;
        made.map_or(LimitedInsert::LimitReached, LimitedInsert::Inserted)
    } else {
        LimitedInsert::UnknownUser
    })
}

/// Returns `None` if the user has reached the limit.
async fn insert_below_limit(
    client: &impl GenericClient,
    new: NewEndpoint<'_>,
) -> Result<Option<WebhookEndpointRow>, DbError> {
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
                &new.secret.endpoint(),
                &new.user.as_uuid(),
                &new.url.as_url().as_str(),
                &new.description,
                &new.secret.text(),
                &MAX_PER_USER,
            ],
        )
        .await?;
    Ok(row.as_ref().map(WebhookEndpointRow::from))
}

/// The changes to an endpoint; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct EndpointChanges {
    /// The URL.
    pub url: Option<WebhookUrl>,
    /// The description; empty removes it.
    pub description: Option<String>,
    /// Whether webhooks are sent to the endpoint. Enabling also clears `disabled_reason`.
    pub enabled: Option<bool>,
}

impl EndpointChanges {
    /// Whether nothing changes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.url.is_none() && self.description.is_none() && self.enabled.is_none()
    }
}

/// Changes the endpoint `id`, of `owner` if one is given, and returns the changed endpoint.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn update(
    client: &impl GenericClient,
    id: Uuid,
    owner: Option<UserId>,
    changes: &EndpointChanges,
) -> Result<Option<WebhookEndpointRow>, DbError> {
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
    Ok(row.as_ref().map(WebhookEndpointRow::from))
}

/// Disables an endpoint because of a response from `url`; nothing is sent to the endpoint until a user
/// enables it. Returns whether an enabled endpoint with this id and URL existed. Cuts `reason` to 500
/// characters.
///
/// # Errors
///
/// Returns the error of the query.
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

/// Deletes the endpoint `id`, of `owner` if one is given. Returns whether the endpoint existed.
///
/// # Errors
///
/// Returns the error of the query.
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
