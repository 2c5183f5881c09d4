//! `POST /api/webhook-endpoints/{id}/rotate-secret`.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;
use tidings_db::webhook_endpoints;
use utoipa::ToSchema;

use super::access::Wanted;
use super::secret;
use crate::error::ApiError;
use crate::state::AppState;

/// How long the secret before signs too, so that receivers have time to learn the new one.
const KEEP_PREVIOUS: Duration = Duration::from_hours(24);

/// An endpoint's new secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RotatedSecret)]
pub struct Rotated {
    /// Signs from now on. It is never shown again.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
    /// When the secret before stops signing.
    #[schema(value_type = String, format = DateTime)]
    previous_valid_until: Timestamp,
}

/// Gives an endpoint a new secret. The one before signs too for 24 hours; one before that no longer
/// does.
#[utoipa::path(post, path = "/api/webhook-endpoints/{id}/rotate-secret", operation_id = "rotateWebhookEndpointSecret", tag = "webhook endpoints",
    params(("id" = uuid::Uuid, Path, description = "The endpoint")),
    responses(
        (status = 200, description = "The new secret, in this answer and in no other", body = Rotated),
        (status = 400, description = "The id is no UUID", body = crate::error::ErrorBody),
        (status = 401, description = "No valid token", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing endpoints", body = crate::error::ErrorBody),
        (status = 404, description = "No such endpoint, or not for this caller", body = crate::error::ErrorBody),
        (status = 503, description = "The database is away", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, wanted: Wanted) -> Result<HttpResponse, ApiError> {
    let Wanted { id, owner } = wanted;
    let secret = secret::generate()?;
    let until = state
        .database
        .run(async |client| {
            webhook_endpoints::rotate_secret(client, id, owner, &secret, KEEP_PREVIOUS).await
        })
        .await?;
    let previous_valid_until = until.ok_or_else(Wanted::not_found)?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Rotated {
            secret: secret.expose_secret().to_owned(),
            previous_valid_until,
        }))
}
