//! The measurements, one file each: arguments, the call, and the results as text.

pub mod access;
pub mod dashboard;
pub mod delivery;
pub mod destinations;
pub mod growth;
pub mod hostile;
pub mod inbox;
pub mod limits;
pub mod pipeline;
pub mod schedule;
pub mod targets;

use crate::args::Command;
use crate::output::MeasurementResult;

/// Runs a measurement.
///
/// # Errors
///
/// Returns an error if a server or a program fails.
pub async fn run(command: Command) -> anyhow::Result<MeasurementResult> {
    match command {
        Command::Pipeline(args) => pipeline::run(args).await,
        Command::Limits(args) => limits::run(args).await,
        Command::Targets(args) => targets::run(args).await,
        Command::Delivery(args) => delivery::run(args).await,
        Command::Destinations(args) => destinations::run(args).await,
        Command::Schedule(args) => schedule::run(args).await,
        Command::Growth(args) => growth::run(args).await,
        Command::Hostile(args) => hostile::run(args).await,
        Command::Access(args) => access::run(args).await,
        Command::Inbox(args) => inbox::run(args).await,
        Command::Dashboard(args) => dashboard::run(args).await,
    }
}
