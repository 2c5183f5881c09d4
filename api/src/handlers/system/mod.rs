//! `/api/system`: the installation itself.

pub mod findings;
pub mod retention;
pub mod settings;

use actix_web::web::ServiceConfig;

use super::{get_or_head, read_only};

/// Registers the paths.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(read_only("/api/system/findings").route(get_or_head().to(findings::handle)))
        .service(read_only("/api/system/retention").route(get_or_head().to(retention::handle)))
        .service(read_only("/api/system/settings").route(get_or_head().to(settings::handle)));
}
