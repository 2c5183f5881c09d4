//! `tidings keys revoke`.

use anyhow::bail;
use tidings_db::{TransactionOptions, api_keys};
use tidings_domain::access::ApiKeyId;

use super::database;
use super::show::{json, text};
use crate::operator::operator;
use crate::output::CommandOutput;

/// Arguments of `revoke`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The key's id: the characters between the first and the second underscore of the key
    #[arg(value_name = "KEY_ID")]
    id: ApiKeyId,
}

/// Revokes a key.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let Args { id } = args;
    let origin = operator();
    let row = database()?
        .transaction(TransactionOptions::default(), async |transaction| {
            let Some(row) = api_keys::revoke(transaction, id).await? else {
                return api_keys::find(transaction, id).await;
            };
            api_keys::record_revoke(transaction, &origin, &row).await?;
            Ok(Some(row))
        })
        .await?;
    match row {
        Some(row) => CommandOutput::new(text(&row, None), json(&row, None)),
        None => bail!("there is no API key {id}"),
    }
}
