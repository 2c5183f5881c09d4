//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::{config, dlq, migrate, token};

/// The operator's tool of Tidings.
///
/// Settings come from the environment, from a file .env in this folder or above it, and from a settings
/// file; each command needs only those that concern it. docs/CONFIGURATION.md lists all settings.
///
/// Exit codes: 0 done, 1 failed or something was found, 2 wrong usage, 78 wrong settings.
#[derive(Debug, Parser)]
#[command(name = "tidings", version)]
pub struct Args {
    /// Print one JSON object, for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// The settings file (YAML); by default the file that the variable `TIDINGS_CONFIG` names
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands, one file each.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the database's schema up to date
    Migrate(migrate::Args),
    /// Make the demo data that the documentation speaks of: users with contacts, and templates
    Seed,
    /// Mint a token for development and print it
    Token(token::Args),
    /// Look at, replay and delete dead letters
    #[command(subcommand)]
    Dlq(dlq::Command),
    /// Declare exchanges and queues on the broker and print them
    Topology,
    /// Show and check the settings
    #[command(subcommand)]
    Config(config::Command),
    /// Check settings, servers and what is declared there; says what is wrong and how to mend it
    ///
    /// To compare the broker's queues with what this version declares, it declares them, as the
    /// programs do when they start.
    Doctor,
}

impl Command {
    /// Returns whether this is `config check`.
    pub const fn checks_settings(&self) -> bool {
        matches!(self, Self::Config(config::Command::Check(_)))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn the_definition_of_the_arguments_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn replay_and_purge_want_to_be_told_which() {
        for command in ["replay", "purge"] {
            let error = Args::try_parse_from(["tidings", "dlq", command]).expect_err(command);
            assert_eq!(error.kind(), ErrorKind::MissingRequiredArgument);
            for selector in [
                &["--all"][..],
                &["--id", "a", "--id", "b"],
                &["--channel", "intake", "--reason", "unknown_user"],
            ] {
                let mut words = vec!["tidings", "dlq", command];
                words.extend(selector);
                assert!(
                    Args::try_parse_from(words).is_ok(),
                    "{command} {selector:?}"
                );
            }
        }
    }

    #[test]
    fn a_channel_that_is_none_is_refused_with_those_that_there_are() {
        let error = Args::try_parse_from(["tidings", "dlq", "list", "--channel", "pigeon"])
            .expect_err("no such channel");
        assert!(
            error
                .to_string()
                .contains("intake, email, sms, push, webhook, none")
        );
    }
}
