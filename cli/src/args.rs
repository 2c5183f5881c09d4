//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::{
    admin, audit, cancel, categories, channels, config, dashboard, dlq, endpoints, jobs, keys,
    ladders, lookup, migrate, notifications, preferences, retention, schedules, secrets, sending,
    stats, templates, token, users,
};

/// The operator's tool of Tidings.
///
/// Reads its settings from the environment, from a file `.env` in this folder or a parent folder, and from a settings
/// file. Each command needs only the settings that it uses. docs/CONFIGURATION.md lists all settings.
///
/// Exit codes: 0 success, 1 failure or findings, 2 wrong usage, 78 wrong settings.
#[derive(Debug, Parser)]
#[command(name = "tidings", version)]
pub struct Args {
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// The settings file (YAML); by default the file that the variable `TIDINGS_CONFIG` names
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands, one file each.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the database migrations
    Migrate(migrate::Args),
    /// Create the demo data of the documentation: users with contacts, and templates
    Seed,
    /// Sign a token for development and print it
    Token(token::Args),
    /// List, show, replay and purge dead letters
    #[command(subcommand)]
    Dlq(dlq::Command),
    /// List, show, pause, resume and abort the jobs that replay and purge dead letters
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// Show what is wrong now, how much is sent, what waits, and the states of the channels
    Overview,
    /// Say what has an id: a notification, dead letter, user, endpoint, job or template
    Lookup(lookup::Args),
    /// Send, list, export and show notifications
    #[command(subcommand)]
    Notifications(notifications::Command),
    /// Show the states of the channels, and try providers that are down
    #[command(subcommand)]
    Channels(channels::Command),
    /// List, enable, disable, ping and delete the webhook endpoints of users, and give them new secrets
    #[command(subcommand)]
    Endpoints(endpoints::Command),
    /// Stop and start the sending of channels, and show which are stopped
    #[command(subcommand)]
    Sending(sending::Command),
    /// Erase and delete what is older than the settings say, and show how much is kept
    #[command(subcommand)]
    Retention(retention::Command),
    /// List the retry ladders on the broker, and delete empty ones of former settings
    Ladders(ladders::Args),
    /// List, show, create, change and import users, and show their contacts and inboxes
    #[command(subcommand)]
    Users(users::Command),
    /// List, show, write, preview and delete templates
    #[command(subcommand)]
    Templates(templates::Command),
    /// List, create, change and delete categories
    #[command(subcommand)]
    Categories(categories::Command),
    /// Show and change what users want to receive, and explain what would happen to a notification
    #[command(subcommand)]
    Preferences(preferences::Command),
    /// Create, list, revoke and rotate API keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// Create the first admin
    #[command(subcommand)]
    Admin(admin::Command),
    /// Log in to the dashboard
    #[command(subcommand)]
    Dashboard(dashboard::Command),
    /// List, create, pause, resume, preview and delete recurring schedules
    #[command(subcommand)]
    Schedules(schedules::Command),
    /// Cancel a notification, or all of a group, that is not sent
    Cancel(cancel::Args),
    /// List who changed what, the newest first
    Audit(audit::Args),
    /// Show how many notifications were accepted, delivered and refused, and how long it took
    Stats(stats::Args),
    /// Encrypt the secrets in the database under a new key
    #[command(subcommand)]
    Secrets(secrets::Command),
    /// Declare the exchanges and queues on the broker, and print them
    Topology,
    /// Show and check the settings
    #[command(subcommand)]
    Config(config::Command),
    /// Check the settings and the servers, and print what is wrong and how to fix it
    ///
    /// Changes nothing on the servers.
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
    fn the_command_line_is_defined_without_contradictions() {
        Args::command().debug_assert();
    }

    #[test]
    fn replay_and_purge_require_a_selection() {
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
    fn a_cancellation_names_a_notification_or_a_group() {
        let id = "9f6d9906-35a5-5d30-a600-948abd2b9c96";
        for words in [
            &[id][..],
            &["--group", "order-7"],
            &["--group", "order-7", "--sender", "billing"],
        ] {
            let parsed = Args::try_parse_from(["tidings", "cancel"].iter().chain(words));
            assert!(parsed.is_ok(), "{words:?}");
        }
        for words in [
            &[][..],
            &[id, "--group", "a"],
            &[id, "--sender", "a"],
            &["7"],
        ] {
            let parsed = Args::try_parse_from(["tidings", "cancel"].iter().chain(words));
            assert!(parsed.is_err(), "{words:?}");
        }
    }

    #[test]
    fn a_preview_is_of_a_schedule_or_of_a_pattern_in_a_time_zone() {
        let id = "019a2f6e-5a7c-7cc3-98c4-dc0c0c07398f";
        let preview = ["tidings", "schedules", "preview"];
        let pattern = ["--cron", "0 9 * * *", "--timezone", "Europe/Berlin"];
        for words in [&[id][..], &pattern, &[id, "--count", "500"]] {
            let parsed = Args::try_parse_from(preview.iter().chain(words));
            assert!(parsed.is_ok(), "{words:?}");
        }
        for words in [
            &[][..],
            &pattern[..2],
            &pattern[2..],
            &[id, "--cron", "0 9 * * *"],
            &[id, "--count", "501"],
            &["--cron", "@daily", "--timezone", "UTC"],
        ] {
            let parsed = Args::try_parse_from(preview.iter().chain(words));
            assert!(parsed.is_err(), "{words:?}");
        }
    }

    #[test]
    fn an_unknown_channel_is_refused_with_a_list_of_the_channels() {
        let error = Args::try_parse_from(["tidings", "dlq", "list", "--channel", "pigeon"])
            .expect_err("no such channel");
        assert!(error.to_string().contains(
            "intake, email, sms, push, webhook, events.email.send, events.notification.send, events.user.delete, in-app, none"
        ));
    }
}
