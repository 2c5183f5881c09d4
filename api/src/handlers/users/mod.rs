//! `/api/users`: the people who receive notifications.

pub mod batch;
pub mod changes;
pub mod create;
pub mod delete;
pub mod deletion;
pub mod find;
pub mod list;
mod new_user;
pub mod path;
mod phone_numbers;
pub mod put;
pub mod recover;
pub mod role;
pub mod settings;
pub mod taken;
pub mod update;
mod view;

use actix_web::web::{self, ServiceConfig};

use super::{get_or_head, resource};

/// Registers the paths of users.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(
            resource("/api/users", "GET, HEAD, POST")
                .route(get_or_head().to(list::handle))
                .route(web::post().to(create::handle)),
        )
        // Before the path with an id.
        .service(resource("/api/users/batch", "POST").route(web::post().to(batch::create::handle)))
        .service(
            resource("/api/users/{user_id}", "DELETE, GET, HEAD, PATCH, PUT")
                .route(get_or_head().to(find::handle))
                .route(web::put().to(put::handle))
                .route(web::patch().to(update::handle))
                .route(web::delete().to(delete::handle)),
        )
        .service(
            resource("/api/users/{user_id}/deletion", "DELETE, GET, HEAD")
                .route(get_or_head().to(deletion::handle))
                .route(web::delete().to(recover::handle)),
        )
        .service(
            resource("/api/users/{user_id}/settings", "GET, HEAD, PATCH")
                .route(get_or_head().to(settings::find::handle))
                .route(web::patch().to(settings::update::handle)),
        )
        .service(resource("/api/users/{user_id}/role", "PUT").route(web::put().to(role::handle)));
}
