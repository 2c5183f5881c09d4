//! What every program does whatever its work is: start, log, record metrics, report its health and stop.

pub mod health;
pub mod program;
pub mod shutdown;
pub mod telemetry;
