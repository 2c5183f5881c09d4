//! Queries of the benchmark of deliveries.

use jiff::Timestamp;
use tidings_domain::notification::{MessageId, UserId};
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// The delivered notifications of some users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveredRows {
    /// How many there are.
    pub count: u64,
    /// The latest `processed_at`.
    pub last: Option<Timestamp>,
}

/// Counts the delivered notifications of these users.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn delivered_rows(
    client: &impl GenericClient,
    users: &[UserId],
) -> Result<DeliveredRows, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT count(*), max(processed_at) FROM notifications
             WHERE user_id = ANY ($1) AND status = 'processed'",
        )
        .await?;
    let users: Vec<Uuid> = users.iter().map(|user| user.as_uuid()).collect();
    let row = client.query_one(&statement, &[&users]).await?;
    Ok(DeliveredRows {
        count: u64::try_from(row.get::<_, i64>(0)).unwrap_or(0),
        last: row.get(1),
    })
}

/// What the server has counted in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseActivity {
    /// Transactions since its creation, rolled back ones included. An open connection adds its own with a delay, and
    /// those that touch no table only when it is closed.
    pub transactions: u64,
    /// Open connections of other programs than `application_name`.
    pub connections: u64,
}

/// Reads what the server has counted in the database `name`. Does not count the connections of `application_name`. The
/// caller should be connected to another database, so that its own queries do not count.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn database_activity(
    client: &impl GenericClient,
    name: &str,
    application_name: &str,
) -> Result<DatabaseActivity, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT xact_commit + xact_rollback,
                    (SELECT count(*) FROM pg_stat_activity
                     WHERE datname = $1 AND application_name <> $2 AND backend_type = 'client backend')
             FROM pg_stat_database WHERE datname = $1",
        )
        .await?;
    let row = client
        .query_one(&statement, &[&name, &application_name])
        .await?;
    let number = |column| u64::try_from(row.get::<_, i64>(column)).unwrap_or(0);
    Ok(DatabaseActivity {
        transactions: number(0),
        connections: number(1),
    })
}

/// Does for a batch of notifications what a delivery does for one, in three statements: claims the rows, inserts an
/// attempt for each, and records that all were delivered. Returns how many became `processed`.
///
/// The product's statements are not used, because this is what they are compared with.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn deliver_batch(
    client: &impl GenericClient,
    ids: &[MessageId],
    provider: &str,
) -> Result<u64, DbError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let tokens: Vec<Uuid> = ids.iter().map(|_| Uuid::new_v4()).collect();
    let claim = client
        .prepare_cached(
            "UPDATE notifications
             SET lease_token = batch.token, lease_until = now() + make_interval(secs => 30)
             FROM unnest($1::uuid[], $2::uuid[]) AS batch (id, token)
             WHERE message_id = batch.id AND status IN ('pending', 'retrying')
                   AND (lease_until IS NULL OR lease_until <= now()) AND retries_attempted <= 0
             RETURNING message_id, user_id, type, payload::text, template_name, template_locale, created_at,
                       (SELECT email FROM users WHERE users.id = user_id AND email_verified)",
        )
        .await?;
    client.query(&claim, &[&ids, &tokens]).await?;
    let begin = client
        .prepare_cached(
            "INSERT INTO delivery_attempts (message_id, attempt, provider, lease_token, started_at, outcome)
             SELECT id, 0, $3, token, clock_timestamp(), 'sending'
             FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS batch (id, token, place)
             ORDER BY place
             RETURNING id",
        )
        .await?;
    let inserted = client.query(&begin, &[&ids, &tokens, &provider]).await?;
    let attempts: Vec<i64> = inserted.iter().map(|row| row.get(0)).collect();
    let record = client
        .prepare_cached(
            "WITH finished AS (
                 UPDATE delivery_attempts SET duration_ms = 1, outcome = 'delivered'
                 FROM unnest($3::bigint[]) AS batch (id)
                 WHERE delivery_attempts.id = batch.id
             )
             UPDATE notifications
             SET status = 'processed', processed_at = now(), error_message = NULL,
                 lease_token = NULL, lease_until = NULL, deferred_since = NULL
             FROM unnest($1::uuid[], $2::uuid[]) AS batch (id, token)
             WHERE message_id = batch.id AND lease_token = batch.token AND status IN ('pending', 'retrying')",
        )
        .await?;
    Ok(client.execute(&record, &[&ids, &tokens, &attempts]).await?)
}
