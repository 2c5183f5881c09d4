//! `/api/invites`: invitations to create an account.

pub mod create;

use actix_web::web::{self, ServiceConfig};

use super::resource;

/// Registers the path of invitations.
pub fn register(config: &mut ServiceConfig) {
    config.service(resource("/api/invites", "POST").route(web::post().to(create::handle)));
}
