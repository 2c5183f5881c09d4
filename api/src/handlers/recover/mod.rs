//! `/recover/{link}`: the page on which users cancel the deletion of their account. Whoever has the link may do that.

pub mod cancel;
mod page;
pub mod show;

use actix_web::HttpRequest;
use actix_web::web::{self, ServiceConfig};
use tidings_db::user_deletions::RecoveryLink;

use super::{get_or_head, resource};

/// Registers the path of the page.
pub fn register(config: &mut ServiceConfig) {
    config.service(
        resource("/recover/{link}", "GET, HEAD, POST")
            .route(get_or_head().to(show::handle))
            .route(web::post().to(cancel::handle)),
    );
}

/// The link in the path, which needs no percent-encoding; `None` if it is malformed.
fn link_of(request: &HttpRequest) -> Option<RecoveryLink> {
    request.match_info().query("link").parse().ok()
}
