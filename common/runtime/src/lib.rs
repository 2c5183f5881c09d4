//! The parts that all programs share: start, logs, metrics, health and shutdown.

pub mod health;
pub mod open_files;
pub mod program;
pub mod shutdown;
pub mod statistics;
pub mod tasks;
pub mod telemetry;
pub mod traces;
