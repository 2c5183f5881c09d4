//! `tidings schedules create`.

use std::fmt::Write as _;

use anyhow::{anyhow, bail};
use jiff::Timestamp;
use tidings_db::TransactionOptions;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::categories;
use tidings_db::schedules::{self, CreateResult, MAX_PER_SENDER, NewSchedule};
use tidings_domain::category::CategoryName;
use tidings_domain::content::{FieldProblem, PayloadAddresses, TemplateRef};
use tidings_domain::digest::DigestKey;
use tidings_domain::link_rule::{URL_MISSING, lacks_url};
use tidings_domain::notification::{Channel, GroupKey, UserId, payload_problem};
use tidings_domain::schedule::{Grace, ScheduleDefinition};
use tidings_domain::time::{
    CronPattern, CronSchedule, MAX_TTL_SECS, Timezone, TimezoneRef, parse_instant,
};
use tidings_requests::digest_ref;
use tidings_settings::table;
use tidings_templates::{Locale, TemplateName};

use super::database;
use super::show::{json, text};
use crate::operator::operator;
use crate::output::CommandOutput;
use crate::payload::payload;
use crate::settings;

/// Arguments of `create`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user that the notifications are for
    #[arg(long, value_name = "UUID")]
    user: UserId,
    /// The channel: in-app, email, sms, push or webhook
    #[arg(long = "type", value_name = "TYPE")]
    channel: Channel,
    /// The payload, a JSON object; `-` reads it from standard input
    #[arg(long, value_name = "JSON")]
    payload: String,
    /// The template that renders the notifications
    #[arg(long, value_name = "NAME")]
    template: Option<TemplateName>,
    /// The language of the template
    #[arg(long, requires = "template")]
    locale: Option<Locale>,
    /// The pattern: minute, hour, day of month, month and day of week
    #[arg(long, value_name = "PATTERN")]
    cron: CronPattern,
    /// The time zone of the pattern, such as Europe/Berlin
    #[arg(long, value_name = "NAME", value_parser = timezone)]
    timezone: Timezone,
    /// No occurrence is before this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    starts_at: Option<Timestamp>,
    /// No occurrence is after this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    ends_at: Option<Timestamp>,
    /// How late an occurrence may run after an outage; an hour by default
    #[arg(long, value_name = "SECS")]
    grace_secs: Option<Grace>,
    /// Seconds from an occurrence until its notification expires; never by default
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_TTL_SECS)))]
    ttl_secs: Option<u32>,
    /// The group of the notifications
    #[arg(long)]
    group: Option<GroupKey>,
    /// The category of the notifications
    #[arg(long, value_name = "NAME")]
    category: Option<CategoryName>,
    /// Collects the notifications to a digest apart from others of their category
    #[arg(long, value_name = "KEY", requires = "category")]
    digest_key: Option<DigestKey>,
    /// Who owns the schedule: the subject of the tokens that may change it by the API
    #[arg(long, value_name = "SUBJECT", default_value = "operator", value_parser = sender)]
    sender: String,
}

/// Reads a time zone.
pub fn timezone(text: &str) -> Result<Timezone, String> {
    let TimezoneRef::Named(timezone) = text
        .parse()
        .map_err(|error: <TimezoneRef as std::str::FromStr>::Err| error.to_string())?;
    Ok(timezone)
}

fn instant(text: &str) -> Result<Timestamp, String> {
    parse_instant(text).map_err(|error| error.to_string())
}

fn sender(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("must not be empty".to_owned());
    }
    Ok(text.to_owned())
}

/// Creates a schedule.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let makes_links = settings::read(|reader| {
        Some(reader.is_set(table::UNSUBSCRIBE_SECRETS) && reader.is_set(table::PUBLIC_URL))
    })?;
    let (definition, has_url) = definition(args)?;
    let new = NewSchedule {
        definition: &definition,
        key: None,
    };
    let origin = operator();
    let created = database()?
        .transaction(TransactionOptions::default(), async |transaction| {
            if let Some(name) = &definition.category {
                let Some(row) = categories::find(transaction, name).await? else {
                    return Ok(Err("there is no such category".to_owned()));
                };
                let kind = Some(row.category.kind);
                if lacks_url(definition.channel, kind, has_url, makes_links) {
                    return Ok(Err(format!("--payload: unsubscribeUrl {URL_MISSING}")));
                }
            }
            let created = schedules::create(transaction, new).await?;
            if let CreateResult::Created(row) = &created {
                let entry = origin.entry(Action::ScheduleCreate);
                audit::record(transaction, &entry.on(TargetKind::Schedule, row.id)).await?;
            }
            Ok(Ok(created))
        })
        .await?;
    match created.map_err(anyhow::Error::msg)? {
        CreateResult::Created(row) | CreateResult::Existing(row) => {
            CommandOutput::new(text(&row), json(&row)?)
        }
        CreateResult::KeyReused => bail!("the key was used for another schedule"),
        CreateResult::LimitReached => {
            bail!(
                "the sender {} has {MAX_PER_SENDER} schedules already",
                definition.sender
            )
        }
        CreateResult::UnknownUser => bail!("there is no user {}", definition.user_id),
        CreateResult::Never => bail!("the schedule has no occurrence from now until it ends"),
    }
}

/// The schedule, and whether its payload has a URL to unsubscribe.
fn definition(args: Args) -> anyhow::Result<(ScheduleDefinition, bool)> {
    let payload = payload(args.payload)?;
    if let Some(problem) = payload_problem(payload.get()) {
        bail!("--payload {problem}");
    }
    let carries_text = matches!(args.channel, Channel::Email | Channel::Sms | Channel::Push);
    if args.template.is_some() && !carries_text {
        bail!(
            "--template is for email, sms and push, not for {}",
            args.channel
        );
    }
    let addresses = PayloadAddresses::read(args.channel, &payload, args.template.is_some())
        .map_err(|problems| anyhow!("--payload is wrong: {}", listed(&problems)))?;
    if args.digest_key.is_some() {
        let has_category = args.category.is_some();
        let names_recipient = addresses.names_recipient;
        let found = digest_ref::problem(args.channel, true, has_category, names_recipient);
        if let Some(problem) = found {
            bail!("--digest-key {problem}");
        }
    }
    let recurrence = CronSchedule::new(args.cron, args.timezone, args.starts_at, args.ends_at)?;
    let definition = ScheduleDefinition {
        sender: args.sender,
        user_id: args.user,
        channel: args.channel,
        payload,
        template: args.template.map(|name| TemplateRef {
            name: name.to_string(),
            locale: args.locale.map(|locale| locale.to_string()),
        }),
        group: args.group,
        category: args.category,
        digest_key: args.digest_key,
        ttl_secs: args.ttl_secs,
        recurrence,
        grace: args.grace_secs.unwrap_or_default(),
    };
    Ok((definition, addresses.has_unsubscribe_url))
}

fn listed(problems: &[FieldProblem]) -> String {
    let mut text = String::new();
    for problem in problems {
        let separator = if text.is_empty() { "" } else { "; " };
        // Writing to a String does not fail.
        let _ = write!(text, "{separator}{} {}", problem.field, problem.message);
    }
    text
}
