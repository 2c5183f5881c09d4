//! `tidings keys rotate`.

use std::time::Duration;

use anyhow::{Context, bail};
use tidings_db::TransactionOptions;
use tidings_db::api_keys::{self, DEFAULT_OVERLAP_HOURS, MAX_OVERLAP_HOURS};
use tidings_domain::access::{ApiKey, ApiKeyId};

use super::database;
use super::show::{json, text};
use crate::operator::operator;
use crate::output::CommandOutput;

/// Arguments of `rotate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The key's id: the characters between the first and the second underscore of the key
    #[arg(value_name = "KEY_ID")]
    id: ApiKeyId,
    /// For how many hours the present secret stays valid; 0 ends it at once
    #[arg(long, value_name = "HOURS", default_value_t = DEFAULT_OVERLAP_HOURS,
        value_parser = clap::value_parser!(u32).range(..=i64::from(MAX_OVERLAP_HOURS)))]
    overlap_hours: u32,
}

/// Rotates a key.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let Args { id, overlap_hours } = args;
    let key = ApiKey::with_id(id).context("cannot generate a key")?;
    let (origin, overlap) = (operator(), Duration::from_hours(overlap_hours.into()));
    let row = database()?
        .transaction(TransactionOptions::default(), async |transaction| {
            let row = api_keys::rotate(transaction, &key, overlap).await?;
            if let Some(row) = &row {
                api_keys::record_rotate(transaction, &origin, row, overlap_hours).await?;
            }
            Ok(row)
        })
        .await?;
    match row {
        Some(row) => CommandOutput::new(text(&row, Some(&key)), json(&row, Some(&key))),
        None => bail!("there is no API key {id} that is not revoked"),
    }
}
