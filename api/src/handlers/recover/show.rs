//! `GET /recover/{link}`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::user_deletions;

use super::link_of;
use super::page::{page, unavailable};
use crate::request_id::RequestId;
use crate::state::AppState;

/// A page with a button that cancels the deletion of an account. Changes nothing: programs that scan e-mails open links, too.
#[utoipa::path(get, path = "/recover/{link}", operation_id = "showRecovery", tag = "accounts",
    params(("link" = String, Path, description = "The signed part of the link in the recovery e-mail")),
    responses(
        (status = 200, description = "The deletion waits, and the page has a button; or it is cancelled", body = String, content_type = "text/html"),
        (status = 404, description = "The link is not valid", body = String, content_type = "text/html"),
        (status = 410, description = "The account is erased, or is being erased; or the deletion was requested again, and the link is too old", body = String, content_type = "text/html"),
        (status = 503, description = "The database is unavailable; try again after `Retry-After` seconds", body = String, content_type = "text/html"),
    ),
)]
pub async fn handle(
    request: HttpRequest,
    RequestId(request_id): RequestId,
    state: Data<AppState>,
) -> HttpResponse {
    let Some(link) = link_of(&request) else {
        return page(None);
    };
    let found = state
        .database
        .run(async |client| user_deletions::find_by_link(client, &link).await);
    match found.await {
        Ok(found) => page(found.as_ref()),
        Err(error) => unavailable(&error, &request_id),
    }
}
