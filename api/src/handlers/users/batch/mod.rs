//! `/api/users/batch`: many users in one request, each with its own result.

pub mod create;
mod item;
mod outcome;
mod response;
mod store;
