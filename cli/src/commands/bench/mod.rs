//! `tidings bench`: measurements, in words and tables. What is measured, and how, stands in `tidings-bench`.

mod growth;
mod limits;
mod pipeline;
mod targets;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;
use tidings_bench::{Programs, Watched};
use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;
use tidings_settings::Reader;

use crate::commands::token;
use crate::output::Report;
use crate::settings::{self, TokenSettings};

/// What can be measured.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Post notifications and wait for their rows: rates, latencies, losses, CPU and memory
    Pipeline(pipeline::Args),
    /// What RabbitMQ, PostgreSQL and HTTP can do alone, here and now, with the same bytes
    Limits(limits::Args),
    /// How near the whole comes to its parts, in databases and queues of its own; `./dev bench` runs this
    Targets(targets::Args),
    /// What becomes of rates and pages as the table grows, in a database and queues of its own
    Growth(growth::Args),
}

/// Measures.
///
/// # Errors
///
/// Where a server does not answer.
pub async fn run(command: Command) -> anyhow::Result<Report> {
    match command {
        Command::Pipeline(args) => pipeline::run(args).await,
        Command::Limits(args) => limits::run(args).await,
        Command::Targets(args) => targets::run(args).await,
        Command::Growth(args) => growth::run(args).await,
    }
}

/// The programs that a measurement starts.
#[derive(Debug, clap::Args)]
struct ProgramArgs {
    /// The program `tidings-api`
    #[arg(long, value_name = "PATH")]
    api: PathBuf,
    /// The program `tidings-worker`
    #[arg(long, value_name = "PATH")]
    worker: PathBuf,
    /// A server whose CPU and memory are to be measured: rabbitmq=PID, postgres=PID
    #[arg(long = "pid", value_name = "NAME=PID")]
    servers: Vec<Watched>,
    /// The folder that the programs log to
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    logs: PathBuf,
}

impl ProgramArgs {
    fn read(self) -> anyhow::Result<Programs> {
        Ok(Programs {
            api: self.api,
            worker: self.worker,
            logs: self.logs,
            token: api_token(None)?,
            servers: self.servers,
        })
    }
}

/// How to reach the servers.
fn servers() -> anyhow::Result<(BrokerSettings, DatabaseSettings)> {
    let read = settings::read(|reader| {
        let broker = BrokerSettings::read(reader);
        broker.zip(DatabaseSettings::read(reader))
    })?;
    Ok(read)
}

/// Writes figures to a file, where one is named.
fn write_figures(path: Option<&Path>, figures: &impl Serialize) -> anyhow::Result<()> {
    let Some(path) = path else {
        return Ok(());
    };
    let json = serde_json::to_string_pretty(figures)?;
    std::fs::write(path, json + "\n").with_context(|| format!("cannot write {}", path.display()))
}

/// The API's address by default: here, on `API_PORT`.
fn api_address(given: Option<SocketAddr>) -> anyhow::Result<SocketAddr> {
    if let Some(given) = given {
        return Ok(given);
    }
    let port = settings::read(|reader: &mut Reader| Some(reader.or("API_PORT", 8080)))?;
    Ok(SocketAddr::from(([127, 0, 0, 1], port)))
}

/// The given token, or one signed with `JWT_SECRET`.
fn api_token(given: Option<String>) -> anyhow::Result<String> {
    if let Some(given) = given {
        return Ok(given);
    }
    let settings = settings::read(TokenSettings::read)
        .context("no --token was given, and none can be signed")?;
    token::trusted(&settings, Timestamp::now())
}
