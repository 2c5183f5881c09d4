//! One endpoint a file.

pub mod contacts;
pub mod docs;
pub mod notifications;
pub mod probes;
pub mod templates;
pub mod webhook_endpoints;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, Resource, Route, guard};

use crate::error::ApiError;

/// Registers every path.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(
            resource("/api/notifications", "GET, HEAD, POST")
                .route(web::post().to(notifications::create::handle))
                .route(reading().to(notifications::list::handle)),
        )
        .service(
            resource("/api/notifications/batch", "POST")
                .route(web::post().to(notifications::batch::create::handle)),
        )
        .service(
            readable("/api/notifications/{message_id}")
                .route(reading().to(notifications::find::handle)),
        )
        .service(
            readable("/api/notifications/{message_id}/attempts")
                .route(reading().to(notifications::attempts::handle)),
        )
        .service(readable("/health").route(reading().to(probes::health)))
        .service(readable("/ready").route(reading().to(probes::ready)))
        .service(readable("/live").route(reading().to(probes::live)))
        .service(readable("/metrics").route(reading().to(probes::metrics)))
        .configure(contacts::register)
        .configure(webhook_endpoints::register)
        .configure(templates::register)
        .configure(docs::register)
        .default_service(web::to(nothing_here));
}

/// GET, and HEAD with it, which the framework answers without the body (RFC 9110 §9.3.2).
fn reading() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// A path that can only be read.
fn readable(path: &str) -> Resource {
    resource(path, "GET, HEAD")
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
