//! `GET /api/webhook-endpoints/{id}`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_db::webhook_endpoints;

use super::EndpointView;
use super::access::EndpointAccess;
use crate::error::ApiError;
use crate::state::AppState;

/// Returns a webhook endpoint, without its secret.
#[utoipa::path(get, path = "/api/webhook-endpoints/{id}", operation_id = "getWebhookEndpoint", tag = "webhook endpoints",
    params(("id" = uuid::Uuid, Path, description = "The endpoint")),
    responses(
        (status = 200, description = "The endpoint", body = EndpointView),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing endpoints", body = crate::error::ErrorBody),
        (status = 404, description = "The endpoint does not exist or belongs to another user", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    access: EndpointAccess,
) -> Result<HttpResponse, ApiError> {
    let EndpointAccess { id, owner } = access;
    let row = state
        .database
        .run(async |client| webhook_endpoints::find(client, id, owner).await)
        .await?;
    let row = row.ok_or_else(EndpointAccess::not_found)?;
    Ok(HttpResponse::Ok().json(EndpointView::from(row)))
}
