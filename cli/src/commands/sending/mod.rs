//! `tidings sending`: stops and starts the sending of channels, for all workers of the installation.

mod start;
mod status;
mod stop;

use serde_json::{Value, json};
use tidings_db::sending_switches::{SwitchResult, SwitchScope};
use tidings_db::{Database, DatabaseSettings};

use crate::output::CommandOutput;
use crate::settings;

/// The name of this tool in the table of the switches.
const BY: &str = "tidings";

/// The commands for sending.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Stop sending; notifications are still accepted and recorded
    ///
    /// Once the command ends, no send begins, except of the notifications that it counts. A stop survives restarts.
    Stop(stop::Args),
    /// Start sending again: everything that waits is sent
    ///
    /// Each switch is started by itself: a channel sends once neither its own switch nor that of all channels is
    /// stopped.
    Start(start::Args),
    /// Show the stopped channels, who stopped them, and why
    Status,
}

/// The channels that a command is for.
#[derive(Debug, clap::Args)]
pub struct Channels {
    /// email, sms, push or webhook; by default the switch of all channels
    #[arg(
        long,
        value_name = "CHANNEL",
        default_value = "*",
        hide_default_value = true
    )]
    channel: SwitchScope,
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    let settings = settings::read(DatabaseSettings::read)?;
    let database = Database::new(&settings, "tidings sending")?;
    match command {
        Command::Stop(args) => stop::run(&database, &args).await,
        Command::Start(args) => start::run(&database, &args).await,
        Command::Status => status::run(&database).await,
    }
}

/// The channels of a switch, in text.
const fn shown(scope: SwitchScope) -> &'static str {
    match scope {
        SwitchScope::All => "all channels",
        SwitchScope::Channel(channel) => channel.as_str(),
    }
}

/// A switch after a change, as the API returns it.
fn json_of(scope: SwitchScope, result: SwitchResult) -> Value {
    json!({
        "channel": scope.as_str(),
        "stopped": result.stopped,
        "inFlight": result.in_flight,
    })
}
