//! `/api/notifications`.

pub mod acceptance;
pub mod admission;
pub mod attempts;
pub mod batch;
mod body;
mod content;
pub mod create;
pub mod find;
pub mod list;
mod readable;
mod template;
mod view;

pub use view::{NotificationPage, NotificationView};
