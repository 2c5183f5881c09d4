//! The table `categories`: what notifications are about.

mod read;
mod row;
mod write;

pub use read::{find, find_all, kinds, list};
pub use row::{CategoryRow, NewCategory};
pub use write::{DeleteResult, MAX_CATEGORIES, PutResult, delete, put};
