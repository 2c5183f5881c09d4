//! `/api/channels`: the channels that send to the outside. `/api/sending` stops and starts them.

pub mod list;
pub mod probe;

use actix_web::web::{self, ServiceConfig};

use super::{get_or_head, read_only, resource};

/// Registers the paths.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(read_only("/api/channels").route(get_or_head().to(list::handle)))
        .service(
            resource("/api/channels/{channel}/probe", "POST").route(web::post().to(probe::handle)),
        );
}
