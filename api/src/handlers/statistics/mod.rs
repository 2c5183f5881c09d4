//! `/api/stats`: figures about notifications and queues.

mod query;
pub mod queues;
pub mod series;

use actix_web::web::ServiceConfig;

use super::{get_or_head, read_only};

/// Registers the paths.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(read_only("/api/stats").route(get_or_head().to(series::handle)))
        .service(read_only("/api/stats/queues").route(get_or_head().to(queues::handle)));
}
