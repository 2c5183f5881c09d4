//! The preferences of a user: what the user wants to receive.

mod changes;
pub mod claim_wait;
pub mod find;
pub mod find_own;
mod grid;
pub mod owner;
pub mod update;
pub mod update_own;
mod view;

use actix_web::web::{self, ServiceConfig};

use super::{get_or_head, resource};

pub use view::ChoiceView;

/// Registers the paths of preferences.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(
            resource("/api/users/{user_id}/preferences", "GET, HEAD, PATCH")
                .route(get_or_head().to(find::handle))
                .route(web::patch().to(update::handle)),
        )
        .service(
            resource("/api/me/preferences", "GET, HEAD, PATCH")
                .route(get_or_head().to(find_own::handle))
                .route(web::patch().to(update_own::handle)),
        );
}
