//! Reads the JSON objects in requests strictly: one error reports everything that is wrong, unknown and
//! repeated fields included.

mod error;
mod item_list;
mod items;
mod reader;
pub mod values;

use tidings_domain::json::Members;

pub use error::{check, not_an_object};
pub use items::items;
pub use reader::ObjectReader;
pub use tidings_domain::json::shown;

use crate::error::ApiError;

/// Parses a JSON text. Error messages call the text `source`.
///
/// # Errors
///
/// Returns 400 `invalid_json` if the text is not a JSON object.
pub fn members<'a>(json: &'a [u8], source: &str) -> Result<Members<'a>, ApiError> {
    serde_json::from_slice(json).map_err(|error| not_an_object(&error, source))
}

/// What error messages call a request's body.
pub const BODY: &str = "The body";
