//! The parts that all programs share: start, logs, metrics, health and shutdown.

pub mod health;
pub mod program;
pub mod shutdown;
pub mod telemetry;
