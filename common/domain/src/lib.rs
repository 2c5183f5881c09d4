//! The domain types of Tidings: the notification with its content and wire form, channels and their providers,
//! ids, schedules, and the retry policy. Nothing in this crate does I/O.

pub mod content;
pub mod json;
pub mod jwt;
pub mod notification;
pub mod providers;
pub mod retry;
pub mod time;
