//! `/api/overview`: what an operator sees first.

pub mod facts;
pub mod find;
pub(crate) mod schema;

use actix_web::web::ServiceConfig;

use super::{get_or_head, read_only};

/// Registers the path.
pub fn register(config: &mut ServiceConfig) {
    config.service(read_only("/api/overview").route(get_or_head().to(find::handle)));
}
