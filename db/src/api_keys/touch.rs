use jiff::Timestamp;
use tidings_domain::access::ApiKeyId;

use crate::GenericClient;
use crate::error::DbError;

/// Records when keys were last used. Leaves out keys whose recorded use is less than a minute ago, however many processes
/// call this, and keys that another process records at this moment.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn touch(
    client: &impl GenericClient,
    used: &[(ApiKeyId, Timestamp)],
) -> Result<u64, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE api_keys SET last_used_at = due.at
             FROM (SELECT api_keys.id, used.at
                   FROM unnest($1::text[], $2::timestamptz[]) AS used (id, at)
                   JOIN api_keys ON api_keys.id = used.id
                   WHERE api_keys.last_used_at IS NULL OR api_keys.last_used_at <= used.at - interval '1 minute'
                   FOR NO KEY UPDATE OF api_keys SKIP LOCKED) AS due
             WHERE api_keys.id = due.id",
        )
        .await?;
    let ids: Vec<&str> = used.iter().map(|(id, _)| id.as_str()).collect();
    let times: Vec<Timestamp> = used.iter().map(|(_, at)| *at).collect();
    Ok(client.execute(&statement, &[&ids, &times]).await?)
}
