//! The program `tidings`: the operator's tool. This file wires and nothing else.

mod args;
mod commands;
mod output;
mod settings;

use clap::Parser;
use tidings_settings::load_dotenv;

fn main() {
    let args = args::Args::parse();
    // Fails only where somebody installed another before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let outcome = load_dotenv()
        .map_err(anyhow::Error::from)
        .and_then(|()| run(args.command));
    let code = output::show(outcome, args.json);
    // Not by returning: that would wait for a name lookup or a prompt that is still under way.
    std::process::exit(code);
}

#[tokio::main]
async fn run(command: args::Command) -> anyhow::Result<output::Report> {
    commands::run(command).await
}
