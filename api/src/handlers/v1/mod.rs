//! `/api/v1`: for clients of an older service. The requests are translated and go the same way as those of the other
//! endpoints.

pub mod cancel_notification;
pub mod create_notification;
pub mod create_user;
pub mod find_notification;
pub mod list_notifications;
mod new_notification;
mod view;

use actix_web::web::{self, ServiceConfig};
use tidings_http::get_or_head;

use super::resource;

/// Registers the paths.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(resource("/api/v1/users", "POST").route(web::post().to(create_user::handle)))
        .service(
            resource("/api/v1/notifications", "GET, HEAD, POST")
                .route(web::post().to(create_notification::handle))
                .route(get_or_head().to(list_notifications::handle)),
        )
        .service(
            resource("/api/v1/notifications/{id}", "DELETE, GET, HEAD")
                .route(get_or_head().to(find_notification::handle))
                .route(web::delete().to(cancel_notification::handle)),
        );
}
