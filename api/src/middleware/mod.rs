//! The middleware of every request: request id, log line, metrics, panics, and the one shape of errors.

mod error_log;
mod panics;
mod replacement;
mod wrap;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, Error};

use crate::state::AppState;

/// The application with the paths that `register` adds.
pub fn application(
    state: Data<AppState>,
    register: impl FnOnce(&mut ServiceConfig),
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    >,
> {
    // The last one is the outermost.
    App::new()
        .app_data(state)
        .wrap_fn(panics::catch)
        .wrap(from_fn(wrap::wrap))
        .configure(register)
}

#[cfg(test)]
mod tests;
