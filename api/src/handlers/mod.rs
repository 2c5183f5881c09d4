//! The endpoints, one a file.

pub mod audit;
pub mod auth;
pub mod categories;
pub mod channels;
pub mod contacts;
pub mod dashboard;
pub mod dead_letters;
pub mod docs;
pub mod front_end;
pub mod inbox;
pub mod invites;
pub mod jobs;
pub mod keys;
pub mod lookup;
pub mod me;
pub mod messaging;
pub mod notifications;
pub mod overview;
pub mod preferences;
pub mod probes;
pub mod recover;
pub mod schedules;
pub mod sending;
pub mod statistics;
pub mod system;
pub mod template_drafts;
pub mod templates;
pub mod unsubscribe;
pub mod users;
pub mod v1;
pub mod webhook_endpoints;

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, Resource};
use tidings_http::get_or_head;

use crate::cors::{is_preflight, origin_not_allowed};
use crate::error::ApiError;

/// Registers every path.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(
            resource("/api/notifications", "DELETE, GET, HEAD, POST")
                .route(web::post().to(notifications::create::handle))
                .route(web::delete().to(notifications::cancel_group::handle))
                .route(get_or_head().to(notifications::list::handle)),
        )
        .service(
            resource("/api/notifications/batch", "POST")
                .route(web::post().to(notifications::batch::create::handle)),
        )
        .service(
            read_only("/api/notifications/export")
                .route(get_or_head().to(notifications::export::handle)),
        )
        .service(
            resource(
                "/api/notifications/{message_id}",
                "DELETE, GET, HEAD, PATCH",
            )
            .route(get_or_head().to(notifications::find::handle))
            .route(web::delete().to(notifications::cancel::handle))
            .route(web::patch().to(notifications::reschedule::handle)),
        )
        .service(
            read_only("/api/notifications/{message_id}/payload")
                .route(get_or_head().to(notifications::payload::handle)),
        )
        .service(
            read_only("/api/notifications/{message_id}/content")
                .route(get_or_head().to(notifications::content::handle)),
        )
        .service(
            read_only("/api/notifications/{message_id}/content/html")
                .route(get_or_head().to(notifications::content_page::handle)),
        )
        .service(
            read_only("/api/notifications/{message_id}/timeline")
                .route(get_or_head().to(notifications::timeline::handle)),
        )
        .service(
            read_only("/api/notifications/{message_id}/attempts")
                .route(get_or_head().to(notifications::attempts::handle)),
        )
        .service(read_only("/health").route(get_or_head().to(probes::health)))
        .service(read_only("/ready").route(get_or_head().to(probes::ready)))
        .service(read_only("/live").route(get_or_head().to(probes::live)))
        .service(read_only("/metrics").route(get_or_head().to(probes::metrics)))
        .configure(auth::register)
        .configure(recover::register)
        .configure(me::register)
        .configure(invites::register)
        .configure(inbox::register)
        .configure(users::register)
        .configure(contacts::register)
        .configure(sending::register)
        .configure(channels::register)
        .configure(overview::register)
        .configure(lookup::register)
        .configure(system::register)
        .configure(messaging::register)
        .configure(v1::register)
        .configure(schedules::register)
        .configure(webhook_endpoints::register)
        .configure(templates::register)
        .configure(template_drafts::register)
        .configure(categories::register)
        .configure(preferences::register)
        .configure(unsubscribe::register)
        .configure(audit::register)
        .configure(dead_letters::register)
        .configure(jobs::register)
        .configure(statistics::register)
        .configure(dashboard::register)
        .configure(keys::register)
        .configure(docs::register)
        .configure(front_end::register)
        .default_service(web::to(no_such_path));
}

/// Whether a request only reads.
fn reads(request: &HttpRequest) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

/// A resource that takes GET and HEAD only.
fn read_only(path: &str) -> Resource {
    resource(path, "GET, HEAD")
}

/// A resource that answers 405 to every method without a route. `allow` lists the methods with one.
fn resource(path: &str, allow: &'static str) -> Resource {
    let refuse = move |request: HttpRequest| async move {
        // While CORS is on, its middleware answers preflight requests.
        Err::<&str, _>(if is_preflight(&request) {
            origin_not_allowed()
        } else {
            ApiError::method_not_allowed(allow)
        })
    };
    web::resource(path).default_service(web::to(refuse))
}

async fn no_such_path(request: HttpRequest) -> Result<&'static str, ApiError> {
    Err(ApiError::not_found(if request.path().ends_with('/') {
        "There is nothing at this path; leave out the slash at its end"
    } else {
        "There is nothing at this path; /docs lists what there is"
    }))
}
