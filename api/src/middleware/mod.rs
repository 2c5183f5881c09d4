//! The middleware of every request: request id, log line, metrics, panics, CORS, and the one shape of errors.

mod error_log;
mod panics;
mod replacement;
mod wrap;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, Error};

use crate::auth::keys;
use crate::cors::{self, AllowedOrigins};
use crate::dashboard;
use crate::state::AppState;

pub use wrap::register_metrics;

/// The application with the paths that `register` adds.
pub fn application<R: FnOnce(&mut ServiceConfig)>(
    state: Data<AppState>,
    origins: &AllowedOrigins,
    register: R,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    > + use<R>,
> {
    // The last one is the outermost.
    App::new()
        .app_data(state)
        .wrap(from_fn(keys::look_up))
        .wrap(from_fn(dashboard::look_up))
        .wrap_fn(panics::catch)
        .wrap(cors::middleware(origins))
        .wrap(from_fn(wrap::wrap))
        .configure(register)
}

#[cfg(test)]
mod tests;
