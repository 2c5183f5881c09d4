use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use tidings_domain::access::Scope;
use tidings_domain::category::CategoryName;

use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::handlers::reads;

/// The name in a path, for a caller that may manage categories. As an extractor, rejects other callers before it looks at the
/// name.
#[derive(Clone, Debug)]
pub struct CategoryPath(pub CategoryName);

impl CategoryPath {
    /// The 404 response.
    pub fn not_found() -> ApiError {
        ApiError::not_found("There is no category with this name")
    }

    /// The 409 response.
    pub fn built_in() -> ApiError {
        ApiError::conflict(
            "category_built_in",
            "This category is built in: it cannot be changed or deleted",
        )
    }

    fn of(request: &HttpRequest, payload: &mut Payload) -> Result<Self, ApiError> {
        let caller = Caller::from_request(request, payload).into_inner()?;
        if reads(request) {
            caller.check_any([Scope::CategoriesWrite, Scope::Dashboard])?;
        } else {
            caller.check(Scope::CategoriesWrite)?;
        }
        let name = request.match_info().get("name").unwrap_or_default();
        name.parse().map(Self).map_err(|error| {
            let details = vec![ErrorDetail::new("name", format!("{error}"))];
            ApiError::bad_request(
                "invalid_category_name",
                "The name in the path is not that of a category",
                details,
            )
        })
    }
}

impl FromRequest for CategoryPath {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Self::of(request, payload))
    }
}
