//! `GET /u/{token}`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::{label, page, target};
use crate::state::AppState;

/// The page with the button to unsubscribe. Changes nothing, because programs that look for malware open all links.
#[utoipa::path(get, path = "/u/{token}", operation_id = "showUnsubscribe", tag = "unsubscribe",
    params(("token" = String, Path, description = "From a link in an e-mail")),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "The token is not one of this installation", body = String, content_type = "text/html"),
    ))]
pub async fn handle(request: HttpRequest, state: Data<AppState>) -> HttpResponse {
    match target(&request, &state) {
        Ok(target) => page::question(&label(&state, &target.category).await, target.channel),
        Err(_) => page::invalid_link(),
    }
}
