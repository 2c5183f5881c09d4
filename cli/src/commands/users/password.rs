//! `tidings users password`.

use anyhow::bail;
use secrecy::SecretString;
use serde_json::json;
use tidings_db::audit::{self, Action, AuditOrigin, TargetKind};
use tidings_db::user_sessions::{self, EndReason};
use tidings_db::{
    Database, DatabaseSettings, DbError, Transaction, TransactionOptions, credentials,
    password_resets,
};
use tidings_domain::notification::UserId;
use tidings_passwords::HashCost;

use crate::new_password::PasswordSource;
use crate::operator::operator;
use crate::output::{CommandOutput, Text, count};
use crate::settings;

/// Arguments of `password`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user
    #[arg(value_name = "USER_ID")]
    id: UserId,
    #[command(flatten)]
    source: PasswordSource,
}

/// Sets the password of a user.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let Args { id, source } = args;
    let (database, cost) = settings::read(|reader| {
        let cost = HashCost::read(reader);
        Some((DatabaseSettings::read(reader)?, cost))
    })?;
    let database = Database::new(&database, "tidings users")?;
    let hash = source.hash(cost).await?;
    let origin = operator();
    let ended = database
        .transaction(TransactionOptions::default(), async |transaction| {
            set(transaction, &origin, id, &hash).await
        })
        .await?;
    let Some(ended) = ended else {
        bail!("there is no user {id}");
    };
    let mut text = Text::default();
    text.line(format_args!(
        "The user has the new password. {} ended.",
        count(ended, "session")
    ));
    CommandOutput::new(text, json!({"userId": id, "endedSessions": ended}))
}

/// Sets the password of a user, ends all sessions, and makes tokens for a new password invalid. Returns how many sessions
/// ended; `None` if the user does not exist.
pub async fn set(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    user: UserId,
    hash: &SecretString,
) -> Result<Option<usize>, DbError> {
    if !credentials::set_password_hash(transaction, user, hash).await? {
        return Ok(None);
    }
    password_resets::invalidate(transaction, user).await?;
    let reason = EndReason::PasswordChanged;
    let ended = user_sessions::end_all(transaction, user, None, reason).await?;
    let entry = origin
        .entry(Action::AuthPassword)
        .on(TargetKind::User, user)
        .with("by", "operator");
    audit::record(transaction, &entry).await?;
    Ok(Some(ended.len()))
}
