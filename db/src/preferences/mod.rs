//! The table `preferences`: what users chose to receive, and what not. Only what somebody has chosen is stored.

mod entry;
mod grid;
mod row;
mod write;

pub use entry::record_change;
pub use grid::{GridCell, GridRow, cell, grid, subject};
pub use row::{PreferenceRow, choice_at, choices_about, list, list_all};
pub use write::{SetResult, set};
