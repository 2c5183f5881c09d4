//! The program `tidings`, the operator's tool. This file only wires.

mod args;
mod commands;
mod output;
mod settings;

use std::path::Path;

use clap::Parser;

fn main() {
    let args = args::Args::parse();
    // Fails only if a provider is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let outcome = match settings::load(args.config.as_deref()) {
        // The command that checks the settings reports what is wrong with the files itself.
        Err(problems) if !args.command.checks_settings() => Err(problems.into()),
        _ => run(args.command, args.config.as_deref()),
    };
    let code = output::show(outcome, args.json);
    // Exits without waiting for a name lookup or a prompt that still runs on a thread.
    std::process::exit(code);
}

#[tokio::main]
async fn run(
    command: args::Command,
    config: Option<&Path>,
) -> anyhow::Result<output::CommandOutput> {
    commands::run(command, config).await
}
