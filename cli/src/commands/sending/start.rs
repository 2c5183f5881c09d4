//! `tidings sending start`.

use anyhow::Context;
use tidings_db::Database;
use tidings_db::sending_switches;

use super::{BY, Channels, json_of, shown};
use crate::operator::operator;
use crate::output::CommandOutput;

/// Arguments of `start`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    channels: Channels,
}

/// Starts channels.
pub async fn run(database: &Database, args: &Args) -> anyhow::Result<CommandOutput> {
    let scope = args.channels.channel;
    let result = sending_switches::start(database, scope, BY, &operator())
        .await
        .context("cannot start sending")?;
    let text = if result.stopped {
        format!(
            "The switch of {} is started, but that of all channels still stops it.\n",
            shown(scope)
        )
    } else {
        format!("Sending is started for {}.\n", shown(scope))
    };
    CommandOutput::new(text, json_of(scope, result))
}
