//! `/api/jobs`: the jobs that replay and purge dead letters.

pub mod abort;
mod change;
pub mod find;
pub mod list;
pub mod pause;
pub mod resume;
pub mod update;
mod view;

use actix_web::web::{self, ServiceConfig};
use uuid::Uuid;

use super::{get_or_head, read_only, resource};
use crate::error::{ApiError, ErrorDetail};

pub use view::JobView;

/// Registers the paths.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(read_only("/api/jobs").route(get_or_head().to(list::handle)))
        .service(
            resource("/api/jobs/{id}", "GET, HEAD, PATCH")
                .route(get_or_head().to(find::handle))
                .route(web::patch().to(update::handle)),
        )
        .service(resource("/api/jobs/{id}/pause", "POST").route(web::post().to(pause::handle)))
        .service(resource("/api/jobs/{id}/resume", "POST").route(web::post().to(resume::handle)))
        .service(resource("/api/jobs/{id}/abort", "POST").route(web::post().to(abort::handle)));
}

/// Reads the id in a path.
///
/// # Errors
///
/// Returns 400 unless it is a UUID.
pub fn path_id(text: &str) -> Result<Uuid, ApiError> {
    Uuid::try_parse(text).map_err(|_| {
        let details = vec![ErrorDetail::new("id", "must be a UUID")];
        ApiError::bad_request("invalid_id", "The id in the path must be a UUID", details)
    })
}

fn not_found() -> ApiError {
    ApiError::not_found("There is no job with this id")
}
