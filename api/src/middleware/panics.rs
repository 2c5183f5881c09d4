use std::panic::AssertUnwindSafe;

use actix_web::Error;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use futures_util::FutureExt;

use crate::error::ApiError;

/// The innermost middleware: turns a panic of a handler into a 500, so that the panic affects its own request only, and
/// the middleware around it treats the 500 like any other response.
pub fn catch<S, B>(
    request: ServiceRequest,
    service: &S,
) -> impl Future<Output = Result<ServiceResponse<B>, Error>> + use<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    let response = AssertUnwindSafe(service.call(request)).catch_unwind();
    response.map(|response| {
        response.unwrap_or_else(|_| Err(ApiError::internal("the handler panicked").into()))
    })
}
