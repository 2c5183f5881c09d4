use jiff::Timestamp;
use tidings_domain::decision::{Candidate, Decision, HoldReason, LimitState, decide};
use tidings_domain::notification::{Channel, DigestId, Notification, Status};
use tidings_domain::time::DeliveryWindow;

use super::insert::RecordedBy;
use crate::GenericClient;
use crate::clock;
use crate::error::DbError;

/// How a notification begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FirstState {
    pub(super) status: Status,
    pub(super) not_before: Option<Timestamp>,
    pub(super) reason: Option<HoldReason>,
    pub(super) digest_id: Option<DigestId>,
}

/// How the notifications of a batch begin. Asks PostgreSQL for the time only if the time matters.
pub(super) async fn first_states(
    client: &impl GenericClient,
    batch: &[&Notification],
    by: RecordedBy,
) -> Result<Vec<FirstState>, DbError> {
    let is_timed = |one: &&Notification| one.window != DeliveryWindow::default();
    let now = if by == RecordedBy::Api || batch.iter().any(is_timed) {
        clock::now(client).await?
    } else {
        Timestamp::default()
    };
    Ok(batch
        .iter()
        .map(|notification| FirstState::of(notification, now, by))
        .collect())
}

impl FirstState {
    /// An item of an open digest, which the transaction has locked.
    pub(crate) const fn item_of(digest: DigestId) -> Self {
        Self {
            status: Status::Scheduled,
            not_before: None,
            reason: Some(HoldReason::Digest),
            digest_id: Some(digest),
        }
    }

    /// The message of a digest that is closed at `now`.
    pub(crate) const fn message_of(digest: DigestId, now: Timestamp) -> Self {
        Self {
            not_before: Some(now),
            ..Self::item_of(digest)
        }
    }

    fn of(notification: &Notification, now: Timestamp, by: RecordedBy) -> Self {
        let window = notification.window;
        let candidate = Candidate {
            status: None,
            window,
            // The statement that inserts looks for cancellations.
            is_cancelled: false,
            // It looks for the user, too.
            user_is_gone: false,
            // And for what the recipient has chosen.
            is_unwanted: false,
            // And, for the intake, whether it is collected.
            is_collected: false,
            // Only the claim of a delivery asks.
            quiet_until: None,
            limit: LimitState::Free,
        };
        let (status, not_before, reason) = match (decide(candidate, now), by) {
            (Decision::Hold { until, reason }, _) => (Status::Scheduled, Some(until), Some(reason)),
            (Decision::Expire, _) => (Status::Expired, window.not_before, None),
            (Decision::Cancel, _) => (Status::Cancelled, window.not_before, None),
            (_, _) if notification.channel == Channel::InApp => {
                (Status::Processed, window.not_before, None)
            }
            (_, RecordedBy::Intake) => (Status::Pending, window.not_before, None),
            (_, RecordedBy::Api) => (Status::Scheduled, Some(now), Some(HoldReason::Broker)),
            (_, RecordedBy::Schedule) => {
                let occurrence = window.not_before.unwrap_or(now);
                (
                    Status::Scheduled,
                    Some(occurrence),
                    Some(HoldReason::Schedule),
                )
            }
        };
        Self {
            status,
            not_before,
            reason,
            digest_id: None,
        }
    }
}
