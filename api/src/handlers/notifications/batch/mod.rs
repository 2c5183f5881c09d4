//! `/api/notifications/batch`: many notifications in one request, each with a result of its own.

mod answer;
mod body;
pub mod create;
mod item;
mod offer;
mod results;
