//! Measuring an installation from outside: a load through it, what its parts can do alone, how near the
//! one comes to the other, and what becomes of it as the table grows.

mod figure;
pub mod growth;
mod latency;
pub mod limits;
mod load;
mod people;
mod pipeline;
mod programs;
mod progress;
mod rows;
pub mod targets;
mod topology;
mod usage;
mod world;

pub use latency::Summary;
pub use load::Load;
pub use pipeline::{Installation, Report, Used};
pub use usage::Watched;
pub use world::Programs;
