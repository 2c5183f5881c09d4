//! `GET /api/webhook-endpoints/{id}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use tidings_db::webhook_endpoints;

use super::EndpointView;
use super::access::{EndpointAccess, ReadableEndpoints, endpoint_id};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// Returns a webhook endpoint, without its secret. With no more than the scope `dashboard`, `url` ends after the host and port.
#[utoipa::path(get, path = "/api/webhook-endpoints/{id}", operation_id = "getWebhookEndpoint", tag = "webhook endpoints",
    params(("id" = uuid::Uuid, Path, description = "The endpoint")),
    responses(
        (status = 200, description = "The endpoint", body = EndpointView),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token allows neither managing endpoints nor has the scope `dashboard`", body = crate::error::ErrorBody),
        (status = 404, description = "The endpoint does not exist or belongs to another user", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let readable = ReadableEndpoints::of(&caller)?;
    let (id, owner) = (endpoint_id(&id)?, readable.owner);
    let found = state
        .database
        .run(async |client| {
            let Some(row) = webhook_endpoints::find(client, id, owner).await? else {
                return Ok(None);
            };
            let health = webhook_endpoints::health(client, std::slice::from_ref(&row)).await?;
            Ok(Some((row, health)))
        })
        .await?;
    let (row, health) = found.ok_or_else(EndpointAccess::not_found)?;
    Ok(HttpResponse::Ok().json(EndpointView::read(row, health.get(&id), readable)))
}
