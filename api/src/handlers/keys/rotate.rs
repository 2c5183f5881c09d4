//! `POST /api/keys/{id}/rotate`.

use std::time::Duration;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::api_keys::{self, DEFAULT_OVERLAP_HOURS, MAX_OVERLAP_HOURS};
use tidings_db::{TransactionOptions, api_keys::ApiKeyRow};
use tidings_domain::access::ApiKey;
use utoipa::ToSchema;

use super::access::KeyAccess;
use super::values::whole_number;
use super::view::KeyWithSecret;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::json_body::ObjectReader;
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = ApiKeyRotation)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct RotationBody {
    /// For how many hours the present secret stays valid; 0 ends it at once. By default 24.
    #[schema(rename = "overlapHours", minimum = 0, maximum = 168, example = 24)]
    overlap_hours: Option<u32>,
}

/// Gives an API key another secret. The present one stays valid for some time, so that programs can switch; an older one
/// does not. The id, and so the sender and the idempotency keys, stay the same. Needs the scope `keys:write`, and the scopes
/// of the key. A key of another user needs the scope `admin`.
#[utoipa::path(post, path = "/api/keys/{id}/rotate", operation_id = "rotateApiKey", tag = "API keys",
    params(("id" = String, Path, description = "The key's id", pattern = "^[0-9A-Za-z]{10}$")),
    request_body = RotationBody,
    responses(
        (status = 200, description = "The key, with its new secret", body = KeyWithSecret),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing keys; `scope_exceeds_own`: the key can do what the caller may not", body = crate::error::ErrorBody),
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
    let hours = parse(&body)?;
    let overlap = Duration::from_hours(hours.into());
    let key = ApiKey::with_id(id).map_err(ApiError::internal)?;
    let rotated = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let Some(before) = api_keys::lock(transaction, id).await? else {
                return Ok(Err(KeyAccess::not_found()));
            };
            if let Err(error) = caller.check_grant(before.scopes, before.user_id) {
                return Ok(Err(error));
            }
            let rotated = api_keys::rotate(transaction, &key, overlap).await?;
            let Some(row) = rotated else {
                return Ok(Err(KeyAccess::revoked()));
            };
            api_keys::record_rotate(transaction, &origin.0, &row, hours).await?;
            Ok(Ok::<ApiKeyRow, ApiError>(row))
        })
        .await?;
    let row = rotated?;
    state.api_keys.refresh();
    tracing::info!(key_id = %id, subject = caller.subject(), "API key rotated");
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(KeyWithSecret::new(row, &key)))
}

/// Returns the hours for which the present secret stays valid.
fn parse(body: &[u8]) -> Result<u32, ApiError> {
    let mut reader = ObjectReader::parse(body, &["overlapHours"], "rotation")?;
    let hours = reader.optional("overlapHours", |value| {
        whole_number(value, 0, MAX_OVERLAP_HOURS)
    });
    reader.finish(Some(hours.unwrap_or(DEFAULT_OVERLAP_HOURS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_overlap_by_a_day_and_by_a_week_at_most() {
        for (body, hours) in [
            ("{}", Some(24)),
            (r#"{"overlapHours": null}"#, Some(24)),
            (r#"{"overlapHours": 0}"#, Some(0)),
            (r#"{"overlapHours": 168}"#, Some(168)),
            (r#"{"overlapHours": 169}"#, None),
            (r#"{"overlapHours": -1}"#, None),
            (r#"{"overlapHours": "1"}"#, None),
            (r#"{"hours": 1}"#, None),
        ] {
            assert_eq!(parse(body.as_bytes()).ok(), hours, "{body}");
        }
    }
}
