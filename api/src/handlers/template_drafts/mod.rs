//! `/api/template-drafts`: what a template renders before it is saved.

mod draft;
pub mod preview;
pub mod preview_page;

use actix_web::web::{self, ServiceConfig};

use super::resource;
pub use preview_page::PATH as PREVIEW_PAGE;

/// Registers the paths.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(
            resource("/api/template-drafts/preview", "POST").route(web::post().to(preview::handle)),
        )
        .service(resource(PREVIEW_PAGE, "POST").route(web::post().to(preview_page::handle)));
}
