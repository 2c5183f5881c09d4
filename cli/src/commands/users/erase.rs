//! `tidings users erase`.

use anyhow::bail;
use tidings_db::TransactionOptions;
use tidings_db::user_deletions;
use tidings_domain::notification::UserId;

use super::database;
use super::delete::shown;
use crate::operator::operator;
use crate::output::CommandOutput;

/// Arguments of `erase`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user, whose deletion waits
    #[arg(value_name = "USER_ID")]
    id: UserId,
    /// Confirms that the erasure begins now and cannot be cancelled
    #[arg(long, required = true)]
    now: bool,
}

/// Begins the erasure of a user. A scheduler does the rest.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let Args { id, now: _ } = args;
    let origin = operator();
    let begun = database()?
        .transaction(TransactionOptions::default(), async |transaction| {
            user_deletions::begin_now(transaction, &origin, id).await
        })
        .await?;
    match begun {
        Some(row) => shown(&row),
        None => bail!("no deletion of user {id} waits: request it with `tidings users delete`"),
    }
}
