//! `tidings users recover`.

use anyhow::bail;
use tidings_db::TransactionOptions;
use tidings_db::user_deletions;
use tidings_domain::notification::UserId;

use super::database;
use super::delete::shown;
use crate::operator::operator;
use crate::output::CommandOutput;

/// Arguments of `recover`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user, whose deletion waits
    #[arg(value_name = "USER_ID")]
    id: UserId,
}

/// Cancels the deletion of a user.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let Args { id } = args;
    let origin = operator();
    let cancelled = database()?
        .transaction(TransactionOptions::default(), async |transaction| {
            match user_deletions::waiting(transaction, id).await? {
                Some(row) => user_deletions::cancel(transaction, &origin, row.id).await,
                None => Ok(None),
            }
        })
        .await?;
    match cancelled {
        Some(row) => shown(&row),
        None => bail!("no deletion of user {id} waits"),
    }
}
