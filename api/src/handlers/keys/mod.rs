//! `/api/keys`: API keys.

mod access;
mod changes;
pub mod create;
pub mod find;
pub mod list;
mod new_key;
pub mod revoke;
pub mod rotate;
mod scope_name;
pub mod update;
mod values;
mod view;

use actix_web::web::{self, ServiceConfig};

use super::{get_or_head, resource};

/// Registers the paths of keys.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(
            resource("/api/keys", "GET, HEAD, POST")
                .route(get_or_head().to(list::handle))
                .route(web::post().to(create::handle)),
        )
        .service(
            resource("/api/keys/{id}", "DELETE, GET, HEAD, PATCH")
                .route(get_or_head().to(find::handle))
                .route(web::patch().to(update::handle))
                .route(web::delete().to(revoke::handle)),
        )
        .service(resource("/api/keys/{id}/rotate", "POST").route(web::post().to(rotate::handle)));
}
