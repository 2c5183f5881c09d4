//! `tidings templates`. Works on the database, with the rights of an administrator.

mod delete;
mod list;
mod preview;
mod put;
mod show;
mod uses;
mod versions;

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tidings_db::templates::{TemplateKey, TemplateRow, TemplateVersionRow};
use tidings_db::{Database, DatabaseSettings};
use tidings_domain::notification::Channel;
use tidings_templates::{Locale, TemplateName, TemplateSource};

use crate::output::CommandOutput;
use crate::settings;

/// The commands for templates.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the templates
    List(list::Args),
    /// Print the source of a template
    Show(show::Args),
    /// List the versions of a template
    Versions(versions::Args),
    /// Write a new version of a template, or roll back to an earlier one
    Put(put::Args),
    /// Delete a template
    Delete(ByKey),
    /// Render a saved template, or files that are not saved, and show each problem at its line
    Preview(preview::Args),
    /// Show where a template is used
    Uses(uses::Args),
}

/// Selects a template.
#[derive(Debug, clap::Args)]
pub struct ByKey {
    /// The name by which notifications refer to the template
    #[arg(value_name = "NAME")]
    name: TemplateName,
    /// The channel: email, sms or push
    #[arg(long, value_parser = channel)]
    channel: Channel,
    /// The language
    #[arg(long, default_value = "default")]
    locale: Locale,
}

impl ByKey {
    const fn key(&self) -> TemplateKey<'_> {
        TemplateKey {
            name: &self.name,
            channel: self.channel,
            locale: &self.locale,
        }
    }

    /// The name in the audit log.
    fn audit_target(&self) -> String {
        format!("{}/{}/{}", self.name, self.channel, self.locale)
    }
}

/// The parts of a template, in files.
#[derive(Debug, clap::Args)]
pub struct Parts {
    /// The subject of an e-mail, or the title of a push message
    #[arg(long)]
    subject: Option<String>,
    /// The file with the text
    #[arg(long, value_name = "FILE")]
    text: std::path::PathBuf,
    /// The file with the HTML of an e-mail
    #[arg(long, value_name = "FILE")]
    html: Option<std::path::PathBuf>,
}

/// The parts that are read.
#[derive(Debug)]
struct Source {
    subject: Option<String>,
    text: String,
    html: Option<String>,
}

impl Source {
    /// Reads the files, and checks that the channel has these parts.
    fn read(parts: &Parts, channel: Channel) -> anyhow::Result<Self> {
        match (channel, &parts.subject, &parts.html) {
            (Channel::Sms, Some(_), _) => bail!("a text message has no subject"),
            (Channel::Sms | Channel::Push, _, Some(_)) => bail!("only an e-mail has an HTML part"),
            (Channel::Email | Channel::Push, None, _) => bail!("--subject is required"),
            _ => {}
        }
        Ok(Self {
            subject: parts.subject.clone(),
            text: text_of(&parts.text)?,
            html: parts.html.as_deref().map(text_of).transpose()?,
        })
    }

    fn source(&self) -> TemplateSource<'_> {
        TemplateSource {
            subject: self.subject.as_deref(),
            text: &self.text,
            html: self.html.as_deref(),
        }
    }
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Parses a channel that has templates.
fn channel(text: &str) -> Result<Channel, &'static str> {
    text.parse()
        .ok()
        .filter(|channel| matches!(channel, Channel::Email | Channel::Sms | Channel::Push))
        .ok_or("must be email, sms or push")
}

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<CommandOutput> {
    let command = match command {
        Command::Preview(args) => return preview::run(args, database).await,
        other => other,
    };
    let database = database()?;
    match command {
        Command::List(args) => list::run(&database, args).await,
        Command::Show(args) => show::run(&database, args).await,
        Command::Versions(args) => versions::run(&database, args).await,
        Command::Put(args) => put::run(&database, args).await,
        Command::Delete(key) => delete::run(&database, key).await,
        Command::Preview(args) => preview::run(args, || Ok(database)).await,
        Command::Uses(args) => uses::run(&database, args).await,
    }
}

fn database() -> anyhow::Result<Database> {
    let settings = settings::read(DatabaseSettings::read)?;
    Ok(Database::new(&settings, "tidings templates")?)
}

/// A version as JSON, with the fields of the API.
fn version_json(row: &TemplateVersionRow) -> Value {
    json!({
        "name": row.name,
        "channel": row.channel,
        "locale": row.locale,
        "version": row.version,
        "createdAt": row.created_at,
        "deletedAt": row.deleted_at,
        "sensitive": row.sensitive,
    })
}

/// A version with its parts as JSON, with the fields of the API.
fn template_json(row: &TemplateRow) -> Value {
    json!({
        "name": row.name,
        "channel": row.channel,
        "locale": row.locale,
        "version": row.version,
        "createdAt": row.created_at,
        "deletedAt": row.deleted_at,
        "sensitive": row.sensitive,
        "subject": row.subject,
        "text": row.text,
        "html": row.html,
    })
}
