//! `/u/{token}`: the page to unsubscribe, and one-click unsubscribe (RFC 8058). The token is the only credential. Nothing
//! logs it: log lines and metrics have the pattern of the path.

mod action;
mod change;
mod page;
pub mod show;
pub mod submit;

use actix_web::HttpRequest;
use actix_web::web::{self, ServiceConfig};
use tidings_db::categories;
use tidings_domain::category::CategoryName;
use tidings_http::get_or_head;
use tidings_unsubscribe::{InvalidToken, LinkTarget};

use super::resource;
use crate::state::AppState;

pub fn register(config: &mut ServiceConfig) {
    config.service(
        resource("/u/{token}", "GET, HEAD, POST")
            .route(get_or_head().to(show::handle))
            .route(web::post().to(submit::handle)),
    );
}

/// What readers call the category of a link: its label, if it has one and PostgreSQL is there.
async fn label(state: &AppState, category: &CategoryName) -> String {
    let found = if state.health.database() {
        let found = state
            .database
            .run(async |client| categories::find(client, category).await);
        found.await.ok().flatten()
    } else {
        None
    };
    let label = found.and_then(|row| row.category.label);
    label.unwrap_or_else(|| category.to_string())
}

/// The target of the link.
fn target(request: &HttpRequest, state: &AppState) -> Result<LinkTarget, InvalidToken> {
    let links = state.unsubscribe.as_ref().ok_or(InvalidToken)?;
    let token = request.match_info().get("token").ok_or(InvalidToken)?;
    links.read(token)
}
