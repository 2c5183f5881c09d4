//! `PATCH /api/keys/{id}`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use tidings_db::TransactionOptions;
use tidings_db::api_keys::{self, ApiKeyRow, KeyChanges};
use utoipa::ToSchema;

use super::access::KeyAccess;
use super::changes;
use super::scope_name::ScopeName;
use super::values::NOT_OF_USER;
use super::view::KeyView;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body. Absent fields stay as they are.
#[derive(ToSchema)]
#[schema(as = ApiKeyChanges)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct ChangesBody {
    /// The new name.
    #[schema(min_length = 1, max_length = 100, example = "billing, production")]
    name: Option<String>,
    /// The new scopes.
    #[schema(min_items = 1, value_type = Option<Vec<ScopeName>>, example = json!(["notifications:send:any"]))]
    scopes: Option<Vec<String>>,
    /// The new limit of requests a minute; null removes it.
    #[schema(
        rename = "ratePerMinute",
        minimum = 1,
        maximum = 1_000_000,
        example = 600
    )]
    rate_per_minute: Option<u32>,
    /// The new expiry, in the future; null removes it.
    #[schema(rename = "expiresAt", value_type = Option<String>, format = DateTime)]
    expires_at: Option<()>,
}

/// Changes the fields in the body and keeps the others. Needs the scope `keys:write`, the scopes of the key and the new
/// ones. A key of another user needs the scope `admin`.
#[utoipa::path(patch, path = "/api/keys/{id}", operation_id = "updateApiKey", tag = "API keys",
    params(("id" = String, Path, description = "The key's id", pattern = "^[0-9A-Za-z]{10}$")),
    request_body = ChangesBody,
    responses(
        (status = 200, description = "The key after the change", body = KeyView),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing keys; `scope_exceeds_own`: the key can or could do what the caller may not", body = crate::error::ErrorBody),
        (status = 404, description = "The key does not exist", body = crate::error::ErrorBody),
        (status = 409, description = "`key_revoked`: the key is revoked", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    access: KeyAccess,
    caller: Caller,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let KeyAccess(id) = access;
    let body = read_json(&request, payload, &state).await?;
    let changes = changes::parse(&body, Timestamp::now())?;
    let updated = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let Some(before) = api_keys::lock(transaction, id).await? else {
                return Ok(Err(KeyAccess::not_found()));
            };
            if let Err(error) = check(&caller, &before, &changes) {
                return Ok(Err(error));
            }
            let Some(row) = api_keys::update(transaction, id, &changes).await? else {
                return Ok(Err(KeyAccess::revoked()));
            };
            api_keys::record_update(transaction, &origin.0, &before, &row).await?;
            Ok(Ok::<ApiKeyRow, ApiError>(row))
        })
        .await?;
    let row = updated?;
    state.api_keys.refresh();
    tracing::info!(key_id = %id, subject = caller.subject(), "API key changed");
    Ok(HttpResponse::Ok().json(KeyView::from(row)))
}

/// Checks that the caller may change the key, and may grant its new scopes.
fn check(caller: &Caller, before: &ApiKeyRow, changes: &KeyChanges) -> Result<(), ApiError> {
    caller.check_grant(before.scopes, before.user_id)?;
    let Some(scopes) = changes.scopes else {
        return Ok(());
    };
    caller.check_grant(scopes, before.user_id)?;
    if before.user_id.is_some() && scopes.of_own_user() != scopes {
        let details = vec![ErrorDetail::new("scopes", NOT_OF_USER)];
        let message = format!("Invalid fields: scopes: {NOT_OF_USER}");
        return Err(ApiError::bad_request("invalid_fields", message, details));
    }
    Ok(())
}
