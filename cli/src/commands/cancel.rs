//! `tidings cancel`. Works on the database, with the rights of an administrator.

use anyhow::bail;
use serde_json::json;
use tidings_db::notifications::{self, CancelResult, SenderScope};
use tidings_db::{Database, DatabaseSettings, TransactionOptions};
use tidings_domain::notification::{GroupKey, MessageId, Status};

use crate::operator::operator;
use crate::output::{CommandOutput, Text, count, printable};
use crate::progress;
use crate::settings;

/// Notifications in one transaction.
const CHUNK: u32 = 1000;

/// The most senders that an error names.
const MAX_SENDERS: u32 = 20;

/// Arguments of `cancel`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").args(["id", "group"]).required(true))]
pub struct Args {
    /// The notification
    #[arg(value_name = "MESSAGE_ID")]
    id: Option<MessageId>,
    /// All notifications of this group that are recorded and not sent
    #[arg(long)]
    group: Option<GroupKey>,
    /// Whose group it is: the subject of the token that posted it; needed if several senders have such a group
    #[arg(
        long,
        value_name = "SUBJECT",
        requires = "group",
        conflicts_with = "id"
    )]
    sender: Option<String>,
}

/// Cancels a notification or a group.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let settings = settings::read(DatabaseSettings::read)?;
    let database = Database::new(&settings, "tidings cancel")?;
    match (args.id, args.group) {
        (Some(id), _) => cancel(&database, id).await,
        (None, Some(group)) => {
            let sender = match args.sender {
                Some(sender) => Some(sender),
                None => only_sender(&database, &group).await?,
            };
            cancel_group(&database, sender.as_deref(), &group).await
        }
        (None, None) => bail!("a notification or a group must be given"),
    }
}

async fn cancel(database: &Database, id: MessageId) -> anyhow::Result<CommandOutput> {
    let (all, origin) = (SenderScope::default(), operator());
    let result = notifications::cancel(database, id, &all, &origin).await?;
    let (status, text, is_cancelled) = match result {
        CancelResult::Cancelled { maybe_sent: false } => {
            ("cancelled", format!("Cancelled {id}.\n"), true)
        }
        CancelResult::Cancelled { maybe_sent: true } => (
            "cancelled",
            format!(
                "Cancelled {id}. It was sent to one of its addresses before, or may have been.\n"
            ),
            true,
        ),
        CancelResult::Cancelling => (
            "cancelling",
            format!("{id} is not recorded. If it is recorded later, nothing is sent outside.\n"),
            true,
        ),
        CancelResult::BeingSent { lease_until } => (
            "being_sent",
            format!("A worker is sending {id}. Try again after {lease_until}.\n"),
            false,
        ),
        CancelResult::Ended(status) => {
            let code = if status == Some(Status::Processed) {
                "already_sent"
            } else {
                "already_ended"
            };
            let status = status.map_or("of another status", Status::as_str);
            (code, format!("{id} is {status} already.\n"), false)
        }
    };
    let maybe_sent = result == CancelResult::Cancelled { maybe_sent: true };
    let json = json!({ "messageId": id, "status": status, "maybeSent": maybe_sent });
    Ok(CommandOutput::new(text, json)?.success_if(is_cancelled))
}

/// Returns the sender with such a group, or `None` if no sender has one. Fails if several have one.
async fn only_sender(database: &Database, group: &GroupKey) -> anyhow::Result<Option<String>> {
    let mut senders = database
        .run(async |client| notifications::senders_of_group(client, group, MAX_SENDERS).await)
        .await?;
    if senders.len() > 1 {
        let names: Vec<_> = senders.iter().map(|sender| printable(sender)).collect();
        bail!(
            "several senders have notifications in such a group: choose one of them with --sender: {}",
            names.join(", ")
        );
    }
    Ok(senders.pop())
}

async fn cancel_group(
    database: &Database,
    sender: Option<&str>,
    group: &GroupKey,
) -> anyhow::Result<CommandOutput> {
    let (mut cancelled, mut being_sent, mut open) = (0, 0, 0);
    if let Some(sender) = sender {
        let count_open = async || {
            database
                .run(async |client| {
                    notifications::count_open_in_group(client, sender, None, group).await
                })
                .await
        };
        let progress = progress::bar(count_open().await?.1);
        let origin = operator();
        loop {
            let chunk = database
                .transaction(TransactionOptions::default(), async |transaction| {
                    notifications::cancel_group(transaction, sender, None, group, CHUNK, &origin)
                        .await
                })
                .await?;
            cancelled += chunk;
            progress.inc(chunk);
            if chunk < u64::from(CHUNK) {
                break;
            }
        }
        progress.finish_and_clear();
        (being_sent, open) = count_open().await?;
    }
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let mut text = Text::default();
    let what = count(number(cancelled), "notification");
    text.line(format_args!("Cancelled {what}."));
    if being_sent > 0 {
        text.line(format_args!("Workers are sending {being_sent} now."));
    }
    if open > 0 {
        text.line(format_args!(
            "{open} more were locked or came meanwhile: run the command again."
        ));
    }
    let json = json!({
        "group": group,
        "sender": sender,
        "cancelled": cancelled,
        "beingSent": being_sent,
        "maybeMore": open > 0,
    });
    Ok(CommandOutput::new(text, json)?.success_if(being_sent == 0 && open == 0))
}
