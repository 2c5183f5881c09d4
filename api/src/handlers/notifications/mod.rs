//! `/api/notifications`.

mod body;
pub mod create;
pub mod find;
pub mod list;
mod view;

pub use view::{NotificationPage, NotificationView};
