//! Reads the JSON objects in requests strictly: one error reports everything that is wrong, unknown and
//! repeated fields included.

mod error;
mod members;
mod reader;
pub mod values;

pub use error::{check, not_an_object};
pub use members::{Members, Name};
pub use reader::{ObjectReader, shown};

/// What error messages call a request's body.
pub const BODY: &str = "The body";
