//! The dashboard: its page, and `/api/dashboard/session` to log in and out.

mod body;
pub mod find;
pub mod log_in;
pub mod log_out;
pub mod page;
mod view;

use actix_web::web::{self, ServiceConfig};

use super::{get_or_head, resource};

/// Registers the paths of the page and of the session.
pub fn register(config: &mut ServiceConfig) {
    config.service(
        resource("/api/dashboard/session", "DELETE, GET, HEAD, POST")
            .route(web::post().to(log_in::handle))
            .route(web::delete().to(log_out::handle))
            .route(get_or_head().to(find::handle)),
    );
    page::register(config);
}
