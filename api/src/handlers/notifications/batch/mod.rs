//! `/api/notifications/batch`: many notifications in one request, each with a result of its own.

mod body;
pub mod create;
mod item;
mod offer;
mod results;
