//! `DELETE /api/keys/{id}`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_db::{TransactionOptions, api_keys};

use super::access::KeyAccess;
use super::view::RevokedKey;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::auth::keys::EFFECTIVE_WITHIN_SECS;
use crate::error::ApiError;
use crate::state::AppState;

/// Revokes an API key, for good. All processes that reach PostgreSQL refuse it within 2 s. A repeated request changes
/// nothing. Needs the scope `keys:write`, and no scope of the key: whoever finds a key that others know may end it.
#[utoipa::path(delete, path = "/api/keys/{id}", operation_id = "revokeApiKey", tag = "API keys",
    params(("id" = String, Path, description = "The key's id", pattern = "^[0-9A-Za-z]{10}$")),
    responses(
        (status = 200, description = "The key is revoked", body = RevokedKey),
        (status = 400, description = "The id does not have 10 letters and digits", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing keys", body = crate::error::ErrorBody),
        (status = 404, description = "The key does not exist", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    access: KeyAccess,
    caller: Caller,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    let KeyAccess(id) = access;
    let row = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let Some(row) = api_keys::revoke(transaction, id).await? else {
                return api_keys::find(transaction, id).await;
            };
            api_keys::record_revoke(transaction, &origin.0, &row).await?;
            Ok(Some(row))
        })
        .await?;
    let row = row.ok_or_else(KeyAccess::not_found)?;
    state.api_keys.refresh();
    tracing::info!(key_id = %id, subject = caller.subject(), "API key revoked");
    Ok(HttpResponse::Ok().json(RevokedKey {
        view: row.into(),
        effective_within_secs: EFFECTIVE_WITHIN_SECS,
    }))
}
