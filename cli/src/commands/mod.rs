//! The commands, one file each. A command returns its result; `output` prints it.

pub mod admin;
pub mod audit;
pub mod cancel;
pub mod categories;
pub mod channels;
pub mod config;
pub mod dashboard;
pub mod dlq;
mod doctor;
pub mod endpoints;
pub mod jobs;
pub mod keys;
pub mod ladders;
pub mod lookup;
pub mod migrate;
pub mod notifications;
mod overview;
pub mod preferences;
pub mod retention;
pub mod schedules;
pub mod secrets;
mod seed;
pub mod sending;
pub mod stats;
pub mod templates;
pub mod token;
mod topology;
pub mod users;

use std::path::Path;

use crate::args::Command;
use crate::output::CommandOutput;

/// Runs a command.
///
/// # Errors
///
/// Returns an error if the command fails.
pub async fn run(command: Command, config: Option<&Path>) -> anyhow::Result<CommandOutput> {
    match command {
        Command::Migrate(args) => migrate::run(args).await,
        Command::Seed => seed::run().await,
        Command::Token(args) => token::run(&args),
        Command::Dlq(command) => dlq::run(command).await,
        Command::Jobs(command) => jobs::run(command).await,
        Command::Notifications(command) => notifications::run(command).await,
        Command::Overview => overview::run().await,
        Command::Lookup(args) => lookup::run(args).await,
        Command::Channels(command) => channels::run(command).await,
        Command::Endpoints(command) => endpoints::run(command).await,
        Command::Sending(command) => sending::run(command).await,
        Command::Retention(command) => retention::run(command).await,
        Command::Ladders(args) => ladders::run(args).await,
        Command::Schedules(command) => schedules::run(command).await,
        Command::Users(command) => users::run(command).await,
        Command::Templates(command) => templates::run(command).await,
        Command::Categories(command) => categories::run(command).await,
        Command::Preferences(command) => preferences::run(command).await,
        Command::Keys(command) => keys::run(command).await,
        Command::Admin(command) => admin::run(command).await,
        Command::Dashboard(command) => dashboard::run(command).await,
        Command::Cancel(args) => cancel::run(args).await,
        Command::Audit(args) => audit::run(args).await,
        Command::Stats(args) => stats::run(args).await,
        Command::Secrets(command) => secrets::run(command).await,
        Command::Config(command) => config::run(&command, config),
        Command::Topology => topology::run().await,
        Command::Doctor => doctor::run().await,
    }
}
