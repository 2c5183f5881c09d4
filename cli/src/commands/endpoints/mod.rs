//! `tidings endpoints`: the webhook endpoints of users.

mod change;
mod list;
mod ping;
mod rotate_secret;

use tidings_db::webhook_endpoints::{EndpointFilter, EndpointState};
use tidings_db::{Database, DatabaseSettings};
use uuid::Uuid;

use crate::output::CommandOutput;
use crate::settings;

/// The commands for webhook endpoints. `tidings dlq replay --endpoint` replays what has not reached one.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List endpoints, the newest first, and how they fare
    List {
        /// Only those of this user
        #[arg(long, value_name = "USER_ID")]
        user: Option<Uuid>,
        /// Only those that are enabled, disabled, `disabled_by_tidings` because of an answer, or away: their host and port are down
        #[arg(long)]
        state: Option<EndpointState>,
        /// The maximum number of endpoints
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Send webhooks to an endpoint again that was disabled
    Enable {
        /// The endpoint
        id: Uuid,
    },
    /// Send nothing more to an endpoint until it is enabled
    Disable {
        /// The endpoint
        id: Uuid,
    },
    /// Send the event `ping` to an endpoint, like any other webhook. A worker that runs the scheduler publishes it
    Ping {
        /// The endpoint
        id: Uuid,
    },
    /// Create a new secret for an endpoint and print it, this once. For 24 hours, the previous one signs, too
    RotateSecret {
        /// The endpoint
        id: Uuid,
    },
    /// Delete an endpoint
    Delete {
        /// The endpoint
        id: Uuid,
    },
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    let settings = settings::read(DatabaseSettings::read)?;
    let database = Database::new(&settings, "tidings endpoints")?;
    match command {
        Command::List { user, state, limit } => {
            let filter = EndpointFilter {
                user: user.map(Into::into),
                state,
            };
            list::run(&database, filter, limit).await
        }
        Command::Enable { id } => change::switch(&database, id, true).await,
        Command::Disable { id } => change::switch(&database, id, false).await,
        Command::Ping { id } => ping::run(&database, id).await,
        Command::RotateSecret { id } => rotate_secret::run(&database, id).await,
        Command::Delete { id } => change::delete(&database, id).await,
    }
}
