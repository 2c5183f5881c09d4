//! `/api/categories`: what notifications are about.

pub mod delete;
pub mod find;
pub mod list;
mod new_category;
mod path;
pub mod put;
mod view;

use actix_web::web::{self, ServiceConfig};

use super::{get_or_head, read_only, resource};

/// Registers the paths of categories.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(read_only("/api/categories").route(get_or_head().to(list::handle)))
        .service(
            resource("/api/categories/{name}", "DELETE, GET, HEAD, PUT")
                .route(get_or_head().to(find::handle))
                .route(web::put().to(put::handle))
                .route(web::delete().to(delete::handle)),
        );
}
