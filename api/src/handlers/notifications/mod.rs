//! `/api/notifications`.

pub mod accept;
pub mod attempts;
pub mod batch;
pub mod create;
pub mod find;
pub mod list;
mod lookup;
mod new_notification;
mod payload_addresses;
pub mod preconditions;
mod template_ref;
mod view;

pub use view::{NotificationPage, NotificationView};
