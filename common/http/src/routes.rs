use actix_web::{Route, guard, web};

/// A route for GET and HEAD. The framework omits the body of a response to HEAD (RFC 9110 §9.3.2).
#[must_use]
pub fn get_or_head() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}
