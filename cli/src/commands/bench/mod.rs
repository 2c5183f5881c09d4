//! `tidings bench`: measurements, in words and tables. What is measured, and how, stands in `tidings-bench`.

mod limits;
mod pipeline;

use std::net::SocketAddr;

use anyhow::Context;
use clap::Subcommand;
use jiff::Timestamp;
use tidings_common::settings::Reader;

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
    }
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
