//! `tidings sending stop`.

use anyhow::Context;
use tidings_db::Database;
use tidings_db::sending_switches::{self, StopError};

use super::{BY, Channels, json_of, shown};
use crate::operator::operator;
use crate::output::CommandOutput;

/// Arguments of `stop`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    channels: Channels,
    /// Why, for other operators
    #[arg(long, value_name = "TEXT", value_parser = parse_reason)]
    reason: String,
}

/// The same limits as those of the API.
fn parse_reason(text: &str) -> Result<String, &'static str> {
    let is_valid = !text.trim().is_empty()
        && text.chars().count() <= sending_switches::MAX_REASON
        && !text.contains(char::is_control);
    is_valid
        .then(|| text.to_owned())
        .ok_or("must have 1 to 500 characters and no control characters")
}

/// Stops channels.
pub async fn run(database: &Database, args: &Args) -> anyhow::Result<CommandOutput> {
    let scope = args.channels.channel;
    let stopped = sending_switches::stop(database, scope, &args.reason, BY, &operator()).await;
    let result = match stopped {
        Ok(result) => result,
        Err(StopError::NotSet(error)) => return Err(error).context("cannot stop sending"),
        Err(StopError::NotComplete(error)) => {
            return Err(error).context(
                "sending is stopped, but a worker that does not respond may still send what it was about to claim: run the command again",
            );
        }
    };
    let text = format!(
        "Sending is stopped for {}. In flight: {}.\n",
        shown(scope),
        result.in_flight
    );
    CommandOutput::new(text, json_of(scope, result))
}
