//! `/api/webhook-endpoints`: the URLs for webhook notifications without a URL.

mod access;
pub mod create;
pub mod delete;
pub mod find;
pub mod list;
pub mod ping;
pub mod rotate_secret;
pub mod update;
mod view;

use actix_web::web::{self, ServiceConfig};

use super::{get_or_head, resource};

pub use view::{EndpointPage, EndpointView};

/// The maximum length of an endpoint's description, in characters.
const MAX_DESCRIPTION: usize = 500;

/// Registers the paths of webhook endpoints.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(
            resource("/api/webhook-endpoints", "GET, HEAD, POST")
                .route(get_or_head().to(list::handle))
                .route(web::post().to(create::handle)),
        )
        .service(
            resource("/api/webhook-endpoints/{id}", "GET, HEAD, PATCH, DELETE")
                .route(get_or_head().to(find::handle))
                .route(web::patch().to(update::handle))
                .route(web::delete().to(delete::handle)),
        )
        .service(
            resource("/api/webhook-endpoints/{id}/rotate-secret", "POST")
                .route(web::post().to(rotate_secret::handle)),
        )
        .service(
            resource("/api/webhook-endpoints/{id}/ping", "POST")
                .route(web::post().to(ping::handle)),
        );
}
