//! `POST /api/keys`.

use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use tidings_db::TransactionOptions;
use tidings_db::api_keys::{self, CreateKeyResult, MAX_KEYS, NewApiKey};
use tidings_domain::access::{ApiKey, Scope};

use super::new_key::{NewKey, NewKeyBody};
use super::view::KeyWithSecret;
use crate::accounts::tell_of_key;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::client_info::client_info;
use crate::error::ApiError;
use crate::request_body::read_json;
use crate::state::AppState;

/// Creates an API key. The response is the only one that contains it. Needs the scope `keys:write`, and the scopes of the
/// key. A key of another user needs the scope `admin`.
#[utoipa::path(post, path = "/api/keys", operation_id = "createApiKey", tag = "API keys",
    request_body = NewKeyBody,
    responses(
        (status = 201, description = "The key, with its secret", body = KeyWithSecret, headers(("Location", description = "URL of the key"))),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing keys; `scope_exceeds_own`: the key could do what the caller may not", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist", body = crate::error::ErrorBody),
        (status = 409, description = "`too_many_keys`: there are 100,000 keys that are not revoked", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::KeysWrite)?;
    let body = read_json(&request, payload, &state).await?;
    let new = NewKey::parse(&body, Timestamp::now())?;
    caller.check_grant(new.scopes, new.user)?;
    let key = ApiKey::generate().map_err(ApiError::internal)?;
    let sender = caller.sender();
    let new = NewApiKey {
        key: &key,
        name: new.name.as_str(),
        scopes: new.scopes,
        user: new.user,
        rate_per_minute: new.rate_per_minute,
        expires_at: new.expires_at,
        created_by: &sender,
    };
    let client = client_info(&request);
    let changer = caller.changer(&client);
    let result = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let result = api_keys::create(transaction, &new).await?;
            if let CreateKeyResult::Created(row) = &result {
                api_keys::record_create(transaction, &origin.0, row).await?;
                let accounts = state.accounts.as_deref();
                tell_of_key(transaction, accounts, &row.id, row.user_id, changer).await?;
            }
            Ok(result)
        })
        .await?;
    let row = match result {
        CreateKeyResult::Created(row) => row,
        CreateKeyResult::UnknownUser => {
            return Err(ApiError::not_found("There is no user with this id"));
        }
        CreateKeyResult::LimitReached => {
            let message = format!("There may be {MAX_KEYS} keys at most; revoke some");
            return Err(ApiError::conflict("too_many_keys", message));
        }
    };
    state.api_keys.refresh();
    tracing::info!(key_id = %row.id, subject = caller.subject(), "API key created");
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/api/keys/{}", row.id)))
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(KeyWithSecret::new(*row, &key)))
}
