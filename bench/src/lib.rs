//! Measuring an installation from outside: a load through it, and what its parts can do alone.

mod latency;
pub mod limits;
mod load;
mod people;
mod pipeline;
mod progress;
mod rows;
mod usage;

pub use latency::Summary;
pub use load::Load;
pub use pipeline::{Installation, Report, Used};
pub use usage::Watched;
