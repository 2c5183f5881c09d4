//! The domain types of Tidings: the notification with its content and wire form, channels and their providers,
//! ids, schedules, the retry policy, and the decision whether a notification is sent. Nothing in this crate does I/O.

pub mod access;
pub mod category;
pub mod change;
pub mod content;
mod count;
pub mod decision;
pub mod digest;
pub mod explanation;
pub mod json;
pub mod jwt;
pub mod link_rule;
pub mod next_step;
pub mod notification;
pub mod overview;
pub mod preference;
pub mod providers;
pub mod retry;
pub mod schedule;
pub mod spreadsheet;
pub mod statistics;
pub mod time;
pub mod trace;
pub mod user;
pub mod user_limit;

pub use count::count;
