//! `/api/schedules`: recurring schedules.

mod access;
mod changes;
pub mod create;
pub mod delete;
pub mod find;
pub mod list;
mod new_schedule;
pub mod pause;
pub mod preview;
mod recurrence;
pub mod resume;
pub mod update;
mod view;

use actix_web::web::{self, ServiceConfig};

use super::{get_or_head, read_only, resource};

pub use view::{SchedulePage, ScheduleView};

/// Registers the paths of schedules.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(
            resource("/api/schedules", "GET, HEAD, POST")
                .route(get_or_head().to(list::handle))
                .route(web::post().to(create::handle)),
        )
        .service(
            resource("/api/schedules/{id}", "GET, HEAD, PATCH, DELETE")
                .route(get_or_head().to(find::handle))
                .route(web::patch().to(update::handle))
                .route(web::delete().to(delete::handle)),
        )
        .service(resource("/api/schedules/{id}/pause", "POST").route(web::post().to(pause::handle)))
        .service(
            resource("/api/schedules/{id}/resume", "POST").route(web::post().to(resume::handle)),
        )
        .service(read_only("/api/schedules/{id}/preview").route(get_or_head().to(preview::handle)));
}
