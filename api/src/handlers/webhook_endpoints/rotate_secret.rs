//! `POST /api/webhook-endpoints/{id}/rotate-secret`.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::webhook_endpoints::{self, KEEP_PREVIOUS_SECRET};
use tidings_db::{TransactionOptions, generate_secret};
use utoipa::ToSchema;

use super::access::EndpointAccess;
use crate::audit::Origin;
use crate::error::ApiError;
use crate::state::AppState;

/// The new secret of an endpoint.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RotatedSecret)]
pub struct RotatedSecret {
    /// The new signing secret. No other response contains it.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
    /// Until when messages are also signed with the previous secret.
    #[schema(value_type = String, format = DateTime)]
    previous_valid_until: Timestamp,
}

/// Creates a new secret for an endpoint. For 24 hours, messages are also signed with the previous secret,
/// but not with older ones.
#[utoipa::path(post, path = "/api/webhook-endpoints/{id}/rotate-secret", operation_id = "rotateWebhookEndpointSecret", tag = "webhook endpoints",
    params(("id" = uuid::Uuid, Path, description = "The endpoint")),
    responses(
        (status = 200, description = "The new secret. No other response contains it", body = RotatedSecret),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing endpoints", body = crate::error::ErrorBody),
        (status = 404, description = "The endpoint does not exist or belongs to another user", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable; `secrets_key_missing`: the operator has not set SECRETS_KEY", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    access: EndpointAccess,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    let EndpointAccess { id, owner } = access;
    let secret = generate_secret()?;
    let stored_secret = state.secret_keys.seal(id, &secret)?;
    let until = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let (new, keep) = (&stored_secret, KEEP_PREVIOUS_SECRET);
            let until = webhook_endpoints::rotate_secret(transaction, new, owner, keep).await?;
            if until.is_some() {
                let entry = origin.0.entry(Action::WebhookEndpointRotateSecret);
                let entry = entry.on(TargetKind::WebhookEndpoint, id);
                audit::record(transaction, &entry).await?;
            }
            Ok(until)
        })
        .await?;
    let previous_valid_until = until.ok_or_else(EndpointAccess::not_found)?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(RotatedSecret {
            secret: secret.expose_secret().to_owned(),
            previous_valid_until,
        }))
}
