use std::time::Duration;

use tidings_domain::access::ApiKey;

use super::ApiKeyRow;
use super::row::COLUMNS;
use crate::GenericClient;
use crate::error::DbError;

/// For how many hours the present secret stays valid, unless the caller says otherwise.
pub const DEFAULT_OVERLAP_HOURS: u32 = 24;

/// For how many hours it may stay valid.
pub const MAX_OVERLAP_HOURS: u32 = 168;

/// Gives the key with the id of `new` another secret. The present secret stays valid for `overlap`, and an older one no
/// longer. Returns `None` if there is no such key, or it is revoked.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn rotate(
    client: &impl GenericClient,
    new: &ApiKey,
    overlap: Duration,
) -> Result<Option<ApiKeyRow>, DbError> {
    let sql = format!(
        "UPDATE api_keys
         SET previous_hash = CASE WHEN $3::float8 > 0 THEN hash END,
             previous_until = CASE WHEN $3::float8 > 0 THEN now() + make_interval(secs => $3) END,
             hash = $2
         WHERE id = $1 AND revoked_at IS NULL
         RETURNING {COLUMNS}"
    );
    let statement = client.prepare_cached(&sql).await?;
    let hash = new.secret_hash();
    let id = new.id();
    let row = client
        .query_opt(
            &statement,
            &[&id.as_str(), &hash.as_slice(), &overlap.as_secs_f64()],
        )
        .await?;
    Ok(row.as_ref().map(ApiKeyRow::from))
}
