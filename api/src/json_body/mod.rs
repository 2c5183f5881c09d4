//! Reads the JSON objects in requests strictly, as errors of the API.

mod item_list;
mod items;

use tidings_domain::content::FieldProblems;
use tidings_domain::json::Members;
use tidings_requests::InvalidObject;

pub use items::items;
pub use tidings_domain::json::shown;
pub use tidings_requests::{BODY, values};

use crate::error::{ApiError, ErrorDetail};

/// Reads the fields of a JSON object one by one, and returns 400 with everything that is wrong with them.
pub type ObjectReader<'a> = tidings_requests::ObjectReader<'a, ApiError>;

/// Parses a JSON text. Error messages call the text `source`.
///
/// # Errors
///
/// Returns 400 `invalid_json` if the text is not a JSON object.
pub fn members<'a>(json: &'a [u8], source: &str) -> Result<Members<'a>, ApiError> {
    Ok(tidings_requests::members(json, source)?)
}

/// The error for a JSON text, called `source` in the message, that is not a JSON object.
pub fn not_an_object(error: &serde_json::Error, source: &str) -> ApiError {
    InvalidObject::not_an_object(error, source).into()
}

/// Turns the problems of a body into one error.
///
/// # Errors
///
/// Returns 400 if there is any problem.
pub fn check(problems: FieldProblems) -> Result<(), ApiError> {
    Ok(InvalidObject::check(problems)?)
}

impl From<InvalidObject> for ApiError {
    fn from(error: InvalidObject) -> Self {
        if error == InvalidObject::Unreported {
            return Self::internal(error);
        }
        let (code, message) = (error.code(), error.to_string());
        let problems = error.into_problems().into_iter();
        let details = problems.map(|problem| ErrorDetail::new(problem.field, problem.message));
        Self::bad_request(code, message, details.collect())
    }
}
