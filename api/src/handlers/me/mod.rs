//! `/api/me`: the user of a token.

pub mod delete;
pub mod find;
pub mod sessions;
pub mod settings;
pub mod update;
mod view;

use actix_web::web::{self, ServiceConfig};

use super::{get_or_head, read_only, resource};

/// Registers the paths of the caller's own account.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(
            resource("/api/me", "DELETE, GET, HEAD, PATCH")
                .route(get_or_head().to(find::handle))
                .route(web::patch().to(update::handle))
                .route(web::delete().to(delete::handle)),
        )
        .service(
            resource("/api/me/settings", "GET, HEAD, PATCH")
                .route(get_or_head().to(settings::find::handle))
                .route(web::patch().to(settings::update::handle)),
        )
        .service(read_only("/api/me/sessions").route(get_or_head().to(sessions::list::handle)))
        .service(
            resource("/api/me/sessions/{id}", "DELETE")
                .route(web::delete().to(sessions::end::handle)),
        );
}
