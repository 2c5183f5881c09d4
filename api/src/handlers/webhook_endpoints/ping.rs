//! `POST /api/webhook-endpoints/{id}/ping`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_db::webhook_endpoints;
use tidings_domain::notification::{Channel, Notification};
use tidings_runtime::traces;

use super::access::EndpointAccess;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::notifications::accept::{AcceptedResponse, now, store};
use crate::handlers::notifications::preconditions::{check_channel, check_depth};
use crate::request_id::RequestId;
use crate::state::AppState;

/// Sends a test notification to an endpoint. It is delivered like any other notification and can be followed
/// by its message id. Returns 202 once it is stored on disk.
#[utoipa::path(post, path = "/api/webhook-endpoints/{id}/ping", operation_id = "pingWebhookEndpoint", tag = "webhook endpoints",
    params(("id" = uuid::Uuid, Path, description = "The endpoint")),
    responses(
        (status = 202, description = "The notification is stored", body = AcceptedResponse, headers(("Location", description = "URL of the notification, which can be read once it is recorded"))),
        (status = 400, description = "The id is not a UUID, or `channel_not_configured`", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing endpoints", body = crate::error::ErrorBody),
        (status = 404, description = "The endpoint does not exist or belongs to another user", body = crate::error::ErrorBody),
        (status = 409, description = "`endpoint_disabled`: the endpoint is disabled", body = crate::error::ErrorBody),
        (status = 503, description = "Not accepted: retry after `Retry-After` seconds", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    access: EndpointAccess,
    caller: Caller,
    RequestId(request_id): RequestId,
) -> Result<HttpResponse, ApiError> {
    let EndpointAccess { id, owner } = access;
    let endpoint = state
        .database
        .run(async |client| webhook_endpoints::find(client, id, owner).await)
        .await?;
    let endpoint = endpoint.ok_or_else(EndpointAccess::not_found)?;
    if !endpoint.enabled {
        return Err(ApiError::conflict(
            "endpoint_disabled",
            "The endpoint is disabled, and nothing is sent there; enable it by PATCH",
        ));
    }
    check_channel(&state, Channel::Webhook)?;
    check_depth(&state, Channel::Webhook)?;
    let sent = Notification::ping(id, endpoint.user_id, caller.sender(), now());
    let notification = Notification {
        trace: traces::current(),
        ..sent.map_err(ApiError::internal)?
    };
    let accepted = store(&state, &notification, &request_id).await?;
    Ok(accepted.into_http())
}
