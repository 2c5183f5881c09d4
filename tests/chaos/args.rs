use std::path::PathBuf;

use clap::Parser;

use crate::injector::FaultKind;

/// Injects faults into an installation of Tidings, and checks that no accepted notification is lost or duplicated.
#[derive(Debug, Parser)]
#[command(name = "./dev chaos")]
pub struct Args {
    /// How many minutes faults are injected for.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub minutes: u64,

    /// Determines which fault is injected when. Random if not given.
    #[arg(long)]
    pub seed: Option<u64>,

    /// Also writes the results to this file.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Mean seconds from one fault to the next.
    #[arg(long, default_value_t = 14, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub interval: u64,

    /// Notifications a second.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate: u32,

    /// Fails the run if no 202 came for longer than this many seconds while only RabbitMQ was hurt.
    #[arg(long, default_value_t = 3, value_name = "SECONDS")]
    pub max_gap: u64,

    /// Only these kinds of faults, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KINDS")]
    pub faults: Vec<FaultKind>,

    /// How many users read their inboxes by streams.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub readers: u32,

    /// Runs three nodes of RabbitMQ instead of one.
    #[arg(long)]
    pub cluster: bool,

    /// The script `./dev`.
    #[arg(long, env = "TIDINGS_DEV", hide = true)]
    pub dev: PathBuf,

    /// The folder for all files of the run.
    #[arg(long, env = "TIDINGS_CHAOS_DIR", hide = true)]
    pub dir: PathBuf,

    /// The folder of the programs.
    #[arg(long, env = "TIDINGS_BIN_DIR", hide = true)]
    pub bin_dir: PathBuf,
}
