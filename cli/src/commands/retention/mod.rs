//! `tidings retention`.

mod run;
mod show;

use crate::output::CommandOutput;

/// The commands for what is kept, and how long.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Erase payloads, delete rows and remove dead letters that are older than the settings say
    ///
    /// The schedulers of the workers do the same every ten minutes. This command looks at all old notifications, those
    /// included that a scheduler has passed over. If the command is stopped, run it again to continue.
    Run(run::Args),
    /// Show how much is kept, and what the last sweep has done
    Show,
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    match command {
        Command::Run(args) => run::run(args).await,
        Command::Show => show::run().await,
    }
}
