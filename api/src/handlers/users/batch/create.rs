//! `POST /api/users/batch`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_domain::access::Scope;
use utoipa::ToSchema;

use super::outcome::{UserBatchError, UserBatchOutcome};
use super::store::store;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::client_info::client_info;
use crate::error::{ApiError, ErrorBody};
use crate::handlers::users::new_user::NewUserBody;
use crate::json_body::items;
use crate::rate_limit;
use crate::request_body::{check_media_type, read_body};
use crate::request_id::RequestId;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = NewUserBatch)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewUserBatchBody {
    /// 1 to 1000 users, each of at most `MAX_BODY_BYTES`.
    #[schema(min_items = 1, max_items = 1000)]
    users: Vec<NewUserBatchItem>,
}

/// A user in a batch.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewUserBatchItem {
    #[serde(flatten)]
    user: NewUserBody,
    /// The id of the user, as in the path of a single request. Without it, a user with an id that Tidings chooses is created.
    id: Option<uuid::Uuid>,
}

/// Stores many users in their order, each independently of the others. Needs the scope `users:write`.
#[utoipa::path(post, path = "/api/users/batch", operation_id = "putUsers", tag = "users",
    request_body = NewUserBatchBody,
    responses(
        (status = 200, description = "All users are stored", body = UserBatchOutcome),
        (status = 207, description = "Some users are stored. `results` says which, and which of the others can be retried", body = UserBatchOutcome),
        (status = 400, description = "`no_item_accepted`: no item can be stored, and `results` says why; any other code: the batch as a whole is wrong, and no item was examined", body = UserBatchError),
        (status = 401, description = "The token is missing or invalid", body = ErrorBody),
        (status = 403, description = "The token does not allow writing users", body = ErrorBody),
        (status = 408, description = "The body did not arrive in time", body = ErrorBody),
        (status = 413, description = "The body is larger than `MAX_BATCH_BODY_BYTES`", body = ErrorBody),
        (status = 415, description = "The body is not JSON", body = ErrorBody),
        (status = 503, description = "No user is stored, and some items can be retried after `Retry-After` seconds", body = UserBatchError),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    origin: Origin,
    RequestId(request_id): RequestId,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::UsersWrite)?;
    check_media_type(&request)?;
    let body = read_body(&request, payload, state.http.max_batch_body_bytes).await?;
    let items = items(&body, "users")?;
    rate_limit::count_items(&request, items.len());
    let client = client_info(&request);
    let response = store(&state, &caller, &origin, caller.changer(&client), &items).await;
    response.log(&request_id, caller.subject());
    Ok(response.into_http(request_id))
}
