//! `/api/audit`: the audit log.

pub mod list;
mod query;
mod view;

use actix_web::web::ServiceConfig;

use super::{get_or_head, read_only};

/// Registers the path.
pub fn register(config: &mut ServiceConfig) {
    config.service(read_only("/api/audit").route(get_or_head().to(list::handle)));
}
