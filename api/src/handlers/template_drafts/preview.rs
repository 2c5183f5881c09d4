//! `POST /api/template-drafts/preview`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_domain::access::Scope;

use super::draft::{Draft, DraftBody, DraftPreview};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::request_body::read_json;
use crate::state::AppState;

/// Renders a template that is not saved, and reports each problem at its line. Saves and sends nothing.
#[utoipa::path(post, path = "/api/template-drafts/preview", operation_id = "previewTemplateDraft", tag = "templates",
    request_body = DraftBody,
    responses(
        (status = 200, description = "What it renders, or what is wrong with it", body = DraftPreview),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "Too many bytes are in flight, or others render for too long", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::TemplatesWrite)?;
    let body = read_json(&request, payload, &state).await?;
    Ok(HttpResponse::Ok().json(Draft::preview(&body, &state).await?))
}
