//! The program `tidings`, the operator's tool. This file only wires.

mod args;
mod commands;
#[cfg(test)]
mod dashboard_commands;
mod new_password;
mod operator;
mod output;
mod paging;
mod payload;
mod progress;
mod settings;

use std::path::Path;

use clap::Parser;

fn main() {
    if let Err(error) = tidings_broker::ensure_thread_stack_size() {
        eprintln!("tidings: threads keep their default stack size: {error}");
    }
    // The stack of the main thread has another size.
    let thread = std::thread::spawn(run_to_exit);
    if thread.join().is_err() {
        std::process::exit(101);
    }
}

fn run_to_exit() {
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
