//! `tidings keys create`.

use anyhow::{Context, bail};
use jiff::{Timestamp, ToSpan};
use tidings_db::TransactionOptions;
use tidings_db::api_keys::{self, CreateKeyResult, MAX_KEYS, NewApiKey};
use tidings_domain::access::{ApiKey, KeyName, Scope, Scopes};
use tidings_domain::notification::UserId;

use super::database;
use super::show::{json, text};
use crate::operator::{name, operator};
use crate::output::{CommandOutput, WrongUsage};

/// Arguments of `create`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What the key is for
    #[arg(long)]
    name: KeyName,
    /// A scope of the key, such as notifications:send:any; can be repeated, or be a list separated by commas
    #[arg(
        long = "scope",
        value_name = "SCOPE",
        required = true,
        value_delimiter = ','
    )]
    scopes: Vec<Scope>,
    /// The user to whom the key is limited; without it, the key is a service's
    #[arg(long, value_name = "USER_ID")]
    user: Option<UserId>,
    /// How many requests a minute the key may send; without it, as many as other callers
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate_per_minute: Option<u32>,
    /// The key expires after this number of days; by default never
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=36_500))]
    expires_in_days: Option<u16>,
}

/// Creates a key.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let scopes: Scopes = args.scopes.into_iter().collect();
    if args.user.is_some() && scopes.of_own_user() != scopes {
        return Err(WrongUsage(
            "a key of a user may only have scopes about this user: notifications:send, notifications:read, contacts:write, schedules:write, inbox, preferences:write",
        )
        .into());
    }
    let now = Timestamp::now();
    let hours = args
        .expires_in_days
        .map(|days| (i64::from(days) * 24).hours());
    let expires_at = hours.map(|hours| now.checked_add(hours)).transpose();
    let key = ApiKey::generate().context("cannot generate a key")?;
    let (origin, created_by) = (operator(), name());
    let new = NewApiKey {
        key: &key,
        name: args.name.as_str(),
        scopes,
        user: args.user,
        rate_per_minute: args.rate_per_minute,
        expires_at: expires_at.context("the key would expire too late")?,
        created_by: &created_by,
    };
    let result = database()?
        .transaction(TransactionOptions::default(), async |transaction| {
            let result = api_keys::create(transaction, &new).await?;
            if let CreateKeyResult::Created(row) = &result {
                api_keys::record_create(transaction, &origin, row).await?;
            }
            Ok(result)
        })
        .await?;
    match result {
        CreateKeyResult::Created(row) => {
            CommandOutput::new(text(&row, Some(&key)), json(&row, Some(&key)))
        }
        CreateKeyResult::UnknownUser => bail!("there is no user with this id"),
        CreateKeyResult::LimitReached => {
            bail!("there may be {MAX_KEYS} keys at most; revoke some")
        }
    }
}
