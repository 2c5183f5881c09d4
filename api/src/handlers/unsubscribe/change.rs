//! Carries out what a click asks for.

use std::time::Duration;

use actix_web::HttpRequest;
use tidings_db::audit::{self, Action as AuditAction, ActorKind, AuditOrigin, TargetKind};
use tidings_db::notifications::wait_for_claims;
use tidings_db::unsubscribes::{self, Extent};
use tidings_db::{DbError, TransactionOptions};
use tidings_domain::notification::DeliveredChannel;
use tidings_domain::preference::{PreferenceSource, Recipient};
use tidings_unsubscribe::LinkTarget;

use super::action::Action;
use crate::client_info::client_info;
use crate::state::AppState;

/// How long a request waits for claims that have not seen its choice. They take milliseconds.
const CLAIM_WAIT: Duration = Duration::from_secs(5);

/// Why a choice is not known to be in force.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It is not stored.
    #[error(transparent)]
    Database(#[from] DbError),
    /// It is stored, and a worker may still send what it was about to claim.
    #[error("a claim that began before the choice has not ended")]
    Claims,
}

/// Changes what the recipient of a link has chosen, and writes an entry of the audit log if that changes something. After
/// that, no send begins that the recipient does not want.
///
/// # Errors
///
/// Fails if the choice is not stored, or not known to be in force.
pub async fn change(
    request: &HttpRequest,
    state: &AppState,
    action: Action,
    target: &LinkTarget,
) -> Result<(), ChangeError> {
    let client = client_info(request);
    // Who has the link is not known to be the user.
    let origin = AuditOrigin::new(ActorKind::System, "tidings-api");
    let agent = client.user_agent.as_deref();
    let origin = origin.with_request(&client.request_id, client.ip, agent);
    let LinkTarget {
        recipient,
        category,
        channel,
    } = target;
    let (recipient, channel) = (*recipient, *channel);
    state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let extent = action.extent();
            let changed = if action.is_undo() {
                unsubscribes::undo(transaction, recipient, category, channel, extent).await?
            } else {
                unsubscribes::unsubscribe(transaction, recipient, category, channel, extent).await?
            };
            if !changed {
                return Ok(());
            }
            let entry = origin
                .entry(AuditAction::PreferencesUpdate)
                .with("source", PreferenceSource::Unsubscribe.as_str())
                .with("category", category.as_str())
                .with("channel", channel.as_str())
                .with("allMarketing", extent == Extent::Marketing)
                .with("enabled", action.is_undo());
            let entry = match recipient {
                Recipient::User(user) => entry.on(TargetKind::User, user),
                Recipient::Address(_) => entry,
            };
            audit::record(transaction, &entry).await
        })
        .await?;
    // Also if nothing has changed: an earlier request may have failed while it waited.
    let channels: Vec<DeliveredChannel> = channel.delivered().into_iter().collect();
    let ended = wait_for_claims(&state.database, &channels, CLAIM_WAIT).await?;
    if ended {
        Ok(())
    } else {
        Err(ChangeError::Claims)
    }
}
