//! Figures: `stats_minute` and `stats_hour`.
//!
//! Each process adds its figures to both tables in one transaction, so that the hours are right as soon as the minutes are,
//! and figures that are saved late need no second roll-up.

mod add;
pub mod bench;
mod read;
mod retention;
mod table;
mod writer;

pub use add::add;
pub use read::read;
pub use retention::remove_old;
pub use writer::{INTERVAL, StatsWriter};
