//! `/api/notifications/batch`: many notifications in one request, each with its own result.

pub mod create;
mod item;
mod outcome;
mod prepared;
mod response;

pub use outcome::{ItemError, ItemResult};
pub use prepared::PreparedBatch;
pub use response::BatchResponse;
