//! `/api/notifications`.

mod admission;
pub mod attempts;
mod body;
mod content;
pub mod create;
pub mod find;
pub mod list;
mod members;
mod problems;
mod readable;
mod template;
mod view;

pub use view::{NotificationPage, NotificationView};
