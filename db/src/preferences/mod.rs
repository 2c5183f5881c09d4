//! The table `preferences`: what users chose to receive, and what not. Only what somebody has chosen is stored.

mod row;
mod write;

pub use row::{PreferenceRow, list};
pub use write::{SetResult, set};
