//! `DELETE /api/webhook-endpoints/{id}`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::{TransactionOptions, webhook_endpoints};

use super::access::EndpointAccess;
use crate::audit::Origin;
use crate::error::ApiError;
use crate::state::AppState;

/// Deletes a webhook endpoint.
#[utoipa::path(delete, path = "/api/webhook-endpoints/{id}", operation_id = "deleteWebhookEndpoint", tag = "webhook endpoints",
    params(("id" = uuid::Uuid, Path, description = "The endpoint")),
    responses(
        (status = 204, description = "Deleted"),
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
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    let EndpointAccess { id, owner } = access;
    let deleted = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let deleted = webhook_endpoints::delete(transaction, id, owner).await?;
            if deleted {
                let entry = origin.0.entry(Action::WebhookEndpointDelete);
                let entry = entry.on(TargetKind::WebhookEndpoint, id);
                audit::record(transaction, &entry).await?;
            }
            Ok(deleted)
        })
        .await?;
    if deleted {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(EndpointAccess::not_found())
    }
}
