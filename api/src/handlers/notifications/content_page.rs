//! `GET /api/notifications/{messageId}/content/html`.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::content::{self, ContentQuery, Part};
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::html_page::preview_page;
use crate::state::AppState;

/// Returns the HTML of an e-mail as its recipient reads it, as a page for `<iframe sandbox>`: it loads nothing and runs no script.
/// The audit log has an entry for each reading, as for `/content`, unless `reading` names the one that the page belongs to.
#[utoipa::path(get, path = "/api/notifications/{messageId}/content/html", operation_id = "showContent", tag = "notifications",
    params(
        ("messageId" = uuid::Uuid, Path, description = "The `messageId` that the POST returned"),
        ("attempt" = Option<i32>, Query, description = "The attempt whose template is rendered, counted from 0. By default the last one with a template"),
        ("reading" = Option<uuid::Uuid>, Query, description = "The `readingId` of a response of `/content`. For a minute, its HTML is a part of this reading, for the same caller and attempt"),
    ),
    responses(
        (status = 200, description = "The HTML part of the e-mail", body = String, content_type = "text/html"),
        (status = 400, description = "The id or `reading` is not a UUID, or `attempt` is not a number", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow reading notifications", body = crate::error::ErrorBody),
        (status = 404, description = "The notification does not exist, is not recorded yet, or belongs to another user; or there is no HTML to show (`no_html`)", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable, or others render for too long", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    let query = ContentQuery::parse(request.query_string(), Part::Html)?;
    let content = content::read(query, &state, &caller, &id, origin).await?;
    let no_html = || {
        ApiError::absent(
            "no_html",
            "There is no HTML to show: /content says what there is",
        )
    };
    let html = content.html.ok_or_else(no_html)?;
    Ok(preview_page(html))
}
