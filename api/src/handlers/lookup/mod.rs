//! `/api/lookup`: what has an id.

pub mod find;

use actix_web::web::ServiceConfig;

use super::{get_or_head, read_only};

/// Registers the path.
pub fn register(config: &mut ServiceConfig) {
    config.service(read_only("/api/lookup").route(get_or_head().to(find::handle)));
}
