//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, value_parser};

use crate::commands::{
    access, dashboard, delivery, destinations, growth, hostile, inbox, limits, pipeline, schedule,
    targets,
};
use crate::environment::{Programs, SystemUnderLoad};
use crate::process_usage::WatchedProcess;
use crate::settings;

/// Measures how fast an installation of Tidings is, and how fast its parts could be.
///
/// Reads the settings of the programs from the environment: how to reach RabbitMQ and PostgreSQL, and the
/// secret that signs a token for the API.
///
/// Exit codes: 0 success, 1 failure or a missed target, 2 wrong usage, 78 wrong settings.
#[derive(Debug, Parser)]
#[command(name = "tidings-bench", version)]
pub struct Args {
    /// Also write all results to this file, as JSON
    #[arg(long, global = true, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// What to measure.
    #[command(subcommand)]
    pub command: Command,
}

/// The measurements.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Post notifications and wait for their rows: rates, latencies, losses, CPU and memory
    Pipeline(pipeline::Args),
    /// Measure what RabbitMQ, PostgreSQL and HTTP can do alone, with the same bytes
    Limits(limits::Args),
    /// Compare the pipeline with its parts, in databases and queues of its own
    Targets(targets::Args),
    /// Measure deliveries to a receiver of this program, in databases and queues of its own
    Delivery(delivery::Args),
    /// Measure what hanging destinations of webhooks take from others, in databases and queues of its own
    Destinations(destinations::Args),
    /// Measure how late scheduled notifications are, and what is accepted while RabbitMQ is away, in databases and queues
    /// of its own
    Schedule(schedule::Args),
    /// Measure how rates and reading times change as the table grows, in databases and queues of its own
    Growth(growth::Args),
    /// Measure what thousands of hostile clients take from others, in databases and queues of its own
    Hostile(hostile::Args),
    /// Measure what API keys, caller limits, audited changes and logins cost, in databases and queues of its own
    Access(access::Args),
    /// Measure streams of inboxes, reads of a large inbox, and what announcing notifications costs, in databases and queues of
    /// its own
    Inbox(inbox::Args),
    /// Measure the requests of the dashboard with very many notifications, what open dashboards take from the pipeline, and the
    /// rate of a job of replays, in databases and queues of its own
    Dashboard(dashboard::Args),
}

/// The load, for every measurement.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct LoadArgs {
    /// Connections of the load, each with one request at a time; also the number of unconfirmed publishes
    #[arg(long, default_value_t = 64, value_parser = value_parser!(u16).range(1..=10_000))]
    connections: u16,
    /// Bytes of each payload
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    pub payload_bytes: usize,
}

impl LoadArgs {
    /// The number of connections.
    pub fn connections(self) -> usize {
        self.connections.into()
    }
}

/// The programs that a measurement starts.
#[derive(Debug, clap::Args)]
pub struct ProgramArgs {
    /// The program `tidings-api`
    #[arg(long, value_name = "PATH")]
    api: PathBuf,
    /// The program `tidings-worker`
    #[arg(long, value_name = "PATH")]
    worker: PathBuf,
    /// A server whose CPU and memory to measure: rabbitmq=PID, postgres=PID
    #[arg(long = "pid", value_name = "NAME=PID")]
    servers: Vec<WatchedProcess>,
    /// The folder for the logs of the programs
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    logs: PathBuf,
}

impl ProgramArgs {
    /// The programs, with a token that is signed with `JWT_SECRET`.
    ///
    /// # Errors
    ///
    /// Returns an error if the settings for the token are wrong.
    pub fn read(self) -> anyhow::Result<Programs> {
        Ok(Programs {
            api: self.api,
            worker: self.worker,
            logs: self.logs,
            token: settings::api_token(None)?,
            servers: self.servers,
        })
    }
}

/// The programs that a measurement starts, and the load that they get.
#[derive(Debug, clap::Args)]
pub struct SystemArgs {
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    programs: ProgramArgs,
}

impl SystemArgs {
    /// The programs and their load.
    ///
    /// # Errors
    ///
    /// Returns an error if the settings for the token are wrong.
    pub fn read(self) -> anyhow::Result<SystemUnderLoad> {
        Ok(SystemUnderLoad {
            programs: self.programs.read()?,
            connections: self.load.connections(),
            payload_bytes: self.load.payload_bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_defined_without_contradictions() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_measurement_takes_the_load_and_a_file_for_results() {
        let programs = ["--api", "a", "--worker", "w"];
        for (name, more) in [
            ("pipeline", &[][..]),
            ("limits", &[]),
            ("targets", &["--unpublished", "u"]),
            ("delivery", &[]),
            ("schedule", &[]),
            ("growth", &[]),
            ("hostile", &[]),
            ("access", &[]),
            ("inbox", &["--without-wakes", "w"]),
        ] {
            let mut words = vec!["tidings-bench", name, "--json", "out.json"];
            words.extend(["--connections", "8", "--payload-bytes", "32"]);
            if [
                "targets", "delivery", "schedule", "growth", "hostile", "access", "inbox",
            ]
            .contains(&name)
            {
                words.extend(programs);
            }
            words.extend(more);
            let args = Args::try_parse_from(words).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(args.json, Some("out.json".into()), "{name}");
        }
    }
}
