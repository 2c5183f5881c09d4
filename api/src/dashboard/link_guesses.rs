//! Slows down those who try links. Links cannot be guessed, and a valid one is never refused: this limits what attempts cost, and
//! shows them to the operator.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tidings_db::attempt_limits::{self, AttemptKey};
use tidings_db::audit::{self, Action, ActorKind, AuditOrigin, Outcome};
use tidings_db::{Database, DbError, Transaction, TransactionOptions};

use crate::accounts::{ClientInfo, FROM_NETWORK, network_of};
use crate::error::ApiError;

/// Counts a link that is not valid, by the network of the client. The first one in a minute leaves an entry in the audit log.
/// Returns the error for the client.
pub(super) async fn refuse(database: &Database, client: &ClientInfo) -> Result<ApiError, DbError> {
    let network = network_of(client);
    let [guesses, entries] = ["guesses", "entries"].map(|what| -> [u8; 32] {
        Sha256::digest(format!("tidings dashboard link {what}")).into()
    });
    let of = |key| AttemptKey {
        key,
        network: Some(network),
    };
    let agent = client.user_agent.as_deref();
    let origin = AuditOrigin::new(ActorKind::System, "tidings-api").with_request(
        &client.request_id,
        client.ip,
        agent,
    );
    let blocked = database
        .transaction(
            TransactionOptions::default(),
            async |transaction: &Transaction<'_>| {
                if let Some(wait) = attempt_limits::blocked_for(transaction, of(&guesses)).await? {
                    return Ok(Some(wait));
                }
                let count = attempt_limits::count(transaction, of(&guesses), FROM_NETWORK).await?;
                let minute = Duration::from_mins(1);
                let is_recorded =
                    attempt_limits::take(transaction, of(&entries), 1, minute).await?;
                if is_recorded.is_none() {
                    let entry = origin
                        .entry(Action::AuthLoginFailed)
                        .ended(Outcome::Refused)
                        .with("failures", count)
                        .with("by", "dashboard_link");
                    audit::record(transaction, &entry).await?;
                }
                Ok(None)
            },
        )
        .await?;
    Ok(match blocked {
        Some(wait) => ApiError::too_many(
            "too_many_attempts",
            "Too many attempts; try again later",
            wait,
        ),
        None => ApiError::refused(
            "invalid_link",
            "The link is not valid: it is incomplete, was used already, or is older than 10 minutes. Make another one with tidings dashboard login",
        ),
    })
}
