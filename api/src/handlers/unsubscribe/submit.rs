//! `POST /u/{token}`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::action::Action;
use super::change::change;
use super::{label, page, target};
use crate::client_info::client_info;
use crate::request_body::discard_body;
use crate::state::AppState;

/// How much of a body is read, in bytes. That of RFC 8058 has 26.
const MAX_BODY: usize = 2 << 20;

/// Unsubscribes from the category of the link on its channel, as RFC 8058 says: no credential, no cookie, no redirect, and
/// the same answer whether the user exists or not. The body does not matter.
#[utoipa::path(post, path = "/u/{token}", operation_id = "unsubscribe", tag = "unsubscribe",
    params(("token" = String, Path, description = "From a link in an e-mail")),
    responses(
        (status = 200, description = "Done, now or before", body = String, content_type = "text/html"),
        (status = 404, description = "The token is not one of this installation", body = String, content_type = "text/html"),
        (status = 503, description = "The database is not available; try again after `Retry-After` seconds", body = String,
         content_type = "text/html"),
    ))]
pub async fn handle(request: HttpRequest, state: Data<AppState>, payload: Payload) -> HttpResponse {
    let action = Action::of_query(request.query_string());
    let response = match target(&request, &state) {
        Ok(target) => match change(&request, &state, action, &target).await {
            Ok(()) => page::done(
                action,
                &label(&state, &target.category).await,
                target.channel,
            ),
            Err(error) => {
                let request_id = client_info(&request).request_id;
                tracing::warn!(request_id, %error, "an unsubscription is not stored");
                page::unavailable()
            }
        },
        Err(_) => page::invalid_link(),
    };
    // After the change, which must not depend on the body.
    discard_body(&request, payload, MAX_BODY).await;
    response
}
