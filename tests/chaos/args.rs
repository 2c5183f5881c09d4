use std::path::PathBuf;

use clap::Parser;

use crate::demon::Kind;

/// Breaks an installation of Tidings in every way, and checks that it keeps its promises.
#[derive(Debug, Parser)]
#[command(name = "./dev chaos")]
pub struct Args {
    /// For how many minutes.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub minutes: u64,

    /// What is broken when depends on this number alone; random where it is not given.
    #[arg(long)]
    pub seed: Option<u64>,

    /// Writes the results to this file too.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Notifications a second.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate: u32,

    /// Only these kinds of faults, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KINDS")]
    pub faults: Vec<Kind>,

    /// With three nodes of RabbitMQ instead of one.
    #[arg(long)]
    pub cluster: bool,

    /// The script `./dev`.
    #[arg(long, env = "TIDINGS_DEV", hide = true)]
    pub dev: PathBuf,

    /// The folder of all that a run keeps.
    #[arg(long, env = "TIDINGS_CHAOS_DIR", hide = true)]
    pub dir: PathBuf,

    /// The folder of the programs.
    #[arg(long, env = "TIDINGS_BIN_DIR", hide = true)]
    pub bin_dir: PathBuf,
}
