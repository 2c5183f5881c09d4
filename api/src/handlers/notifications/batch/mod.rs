//! `/api/notifications/batch`: many notifications in one request, each with its own result.

pub mod create;
mod item;
mod item_list;
mod items;
mod outcome;
mod prepared;
mod response;
