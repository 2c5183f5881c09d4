//! `tidings users delete`.

use anyhow::bail;
use serde_json::json;
use tidings_db::user_deletions::{self, DeletionRow, DeletionSettings, RequestResult};
use tidings_db::{IsolationLevel, TransactionOptions};
use tidings_domain::notification::UserId;
use tidings_settings::read_channel_providers;

use super::database;
use crate::operator::operator;
use crate::output::{CommandOutput, Text};
use crate::settings;

/// Arguments of `delete`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user
    #[arg(value_name = "USER_ID")]
    id: UserId,
    /// Why, for the record of the deletion
    #[arg(long)]
    reason: Option<String>,
}

/// Requests the deletion of a user, who is told by e-mail.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let Args { id, reason } = args;
    let deletions = settings::read(|reader| {
        let providers = read_channel_providers(reader);
        Some(DeletionSettings::read(reader, &providers))
    })?;
    let origin = operator();
    let options = TransactionOptions {
        isolation: IsolationLevel::Serializable,
        ..TransactionOptions::default()
    };
    let result = database()?
        .transaction(options, async |transaction| {
            user_deletions::request(transaction, &origin, id, &deletions, reason.as_deref()).await
        })
        .await?;
    match result {
        RequestResult::Requested(row) | RequestResult::Existed(row) => shown(&row),
        RequestResult::LastAdmin => {
            bail!("no other user is an admin; give another user the role first")
        }
        RequestResult::UnknownUser => bail!("there is no user {id}"),
    }
}

/// A deletion as output.
pub fn shown(row: &DeletionRow) -> anyhow::Result<CommandOutput> {
    let status = row.status.as_str();
    let mut text = Text::from(String::new());
    text.line(format_args!(
        "user {}: deletion {status}, due {}",
        row.user_id, row.due_at
    ));
    let json = json!({
        "id": row.id,
        "userId": row.user_id,
        "status": status,
        "requestedAt": row.requested_at,
        "dueAt": row.due_at,
        "finishedAt": row.finished_at,
    });
    CommandOutput::new(text, json)
}
