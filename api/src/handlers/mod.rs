//! One endpoint a file.

pub mod docs;
pub mod notifications;
pub mod probes;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, Resource};

use crate::error::ApiError;

/// Registers every path.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(
            resource("/api/notifications", "GET, POST")
                .route(web::post().to(notifications::create::handle))
                .route(web::get().to(notifications::list::handle)),
        )
        .service(
            resource("/api/notifications/{message_id}", "GET")
                .route(web::get().to(notifications::find::handle)),
        )
        .service(resource("/health", "GET").route(web::get().to(probes::health)))
        .service(resource("/ready", "GET").route(web::get().to(probes::ready)))
        .service(resource("/live", "GET").route(web::get().to(probes::live)))
        .service(resource("/metrics", "GET").route(web::get().to(probes::metrics)))
        .configure(docs::register)
        .default_service(web::to(nothing_here));
}

/// A path that answers 405 to all methods that get no route; `allow` lists those that do.
fn resource(path: &str, allow: &'static str) -> Resource {
    let refuse =
        move |_: HttpRequest| async move { Err::<&str, _>(ApiError::method_not_allowed(allow)) };
    web::resource(path).default_service(web::to(refuse))
}

async fn nothing_here() -> Result<&'static str, ApiError> {
    Err(ApiError::not_found(
        "There is nothing at this path; /docs lists what there is",
    ))
}
