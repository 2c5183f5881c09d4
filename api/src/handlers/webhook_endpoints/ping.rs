//! `POST /api/webhook-endpoints/{id}/ping`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::json;
use serde_json::value::to_raw_value;
use tidings_db::webhook_endpoints;
use tidings_domain::notification::{Channel, MessageId, Notification};

use super::access::Wanted;
use crate::context::RequestId;
use crate::error::ApiError;
use crate::handlers::notifications::acceptance::{Accepted, accept, now};
use crate::handlers::notifications::admission::{check_channel, check_depth};
use crate::state::AppState;

/// Sends an endpoint a test: a notification like any other, whose way can be followed by its message
/// id. 202 once the broker has it safely on disk.
#[utoipa::path(post, path = "/api/webhook-endpoints/{id}/ping", operation_id = "pingWebhookEndpoint", tag = "webhook endpoints",
    params(("id" = uuid::Uuid, Path, description = "The endpoint")),
    responses(
        (status = 202, description = "Safe with the broker", body = Accepted, headers(("Location", description = "Where the notification can be read once it is recorded"))),
        (status = 400, description = "The id is no UUID, or `channel_not_configured`", body = crate::error::ErrorBody),
        (status = 401, description = "No valid token", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing endpoints", body = crate::error::ErrorBody),
        (status = 404, description = "No such endpoint, or not for this caller", body = crate::error::ErrorBody),
        (status = 409, description = "`endpoint_disabled`: nothing is sent there", body = crate::error::ErrorBody),
        (status = 503, description = "Not taken: try again after `Retry-After`", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    wanted: Wanted,
    RequestId(request_id): RequestId,
) -> Result<HttpResponse, ApiError> {
    let Wanted { id, owner } = wanted;
    let endpoint = state
        .database
        .run(async |client| webhook_endpoints::find(client, id, owner).await)
        .await?;
    let endpoint = endpoint.ok_or_else(Wanted::not_found)?;
    if !endpoint.enabled {
        return Err(ApiError::conflict(
            "endpoint_disabled",
            "The endpoint is disabled, and nothing is sent there; enable it by PATCH",
        ));
    }
    check_channel(&state, Channel::Webhook)?;
    check_depth(&state, Channel::Webhook)?;
    let payload = json!({
        "endpointId": id,
        "event": "ping",
        "data": {"message": "This is a test of your webhook endpoint"},
    });
    let notification = Notification {
        message_id: MessageId::generate(),
        user_id: endpoint.user_id,
        channel: Channel::Webhook,
        accepted_at: now(),
        payload: to_raw_value(&payload).map_err(ApiError::internal)?,
        template: None,
    };
    accept(&state, &notification, &request_id).await
}
