//! `tidings config`: shows and checks the settings.

mod check;
mod show;

use std::path::Path;

use clap::Subcommand;

use crate::output::CommandOutput;
use crate::settings;

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print every setting with its value and its source
    ///
    /// Masks secrets, and the passwords in URLs. The exit code is 0 even if required settings are missing.
    Show,
    /// Report every mistake in the settings; the exit code is 78 if there is one
    Check(check::Args),
}

/// Runs the command.
///
/// # Errors
///
/// Returns an error if a program whose settings are to be checked cannot be started.
pub fn run(command: &Command, config: Option<&Path>) -> anyhow::Result<CommandOutput> {
    match command {
        Command::Show => show::run(&settings::sources()),
        Command::Check(args) => check::run(args, config),
    }
}
