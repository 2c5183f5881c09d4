use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tidings_db::delivery_attempts::{AttemptOutcome, UsedTemplate};
use tidings_db::notifications::LeaseToken;
use tidings_domain::content::{DeviceToken, WebhookUrl};
use tidings_domain::notification::MessageId;
use tidings_domain::preference::AddressHash;
use tokio::time::Instant;
use uuid::Uuid;

use super::disposition::Disposition;

/// How long a result is kept if its message does not come back to this process.
const MAX_AGE: Duration = Duration::from_hours(1);

/// The result of an attempt that is not recorded yet.
pub(super) struct UnrecordedAttempt {
    pub(super) token: LeaseToken,
    /// Counted from 0.
    pub(super) attempt: u32,
    /// Since when the notification could be sent, if that is known.
    pub(super) due_at: Option<Timestamp>,
    pub(super) record: AttemptRecord,
    pub(super) disposition: Disposition,
}

/// What an attempt leaves in `delivery_attempts`.
pub(super) enum AttemptRecord {
    /// Its sends, which may be none.
    Sends {
        sends: Vec<FinishedSend>,
        gone_addresses: Vec<GoneAddress>,
        opt_outs: Vec<OptOut>,
    },
    /// The notification cannot be sent: one row that says why.
    NotSent {
        template: Option<UsedTemplate>,
        error: String,
    },
    /// It is not known whether the rows of the sends were inserted, and nothing was sent: the rows, if they exist,
    /// are taken back.
    NotBegun,
}

impl AttemptRecord {
    /// The results of its sends.
    pub(super) fn sends(&self) -> &[FinishedSend] {
        match self {
            Self::Sends { sends, .. } => sends,
            Self::NotSent { .. } | Self::NotBegun => &[],
        }
    }
}

/// The result of one send.
pub(super) struct FinishedSend {
    /// The row in `delivery_attempts`.
    pub(super) row: i64,
    /// The contact that it was sent to, such as the endpoint of a webhook; `None` if the payload named the address.
    pub(super) contact: Option<Uuid>,
    pub(super) duration: Duration,
    pub(super) outcome: AttemptOutcome,
    pub(super) reference: Option<String>,
    pub(super) error: Option<String>,
}

/// An address that no longer exists.
pub enum GoneAddress {
    /// The push service has no such device.
    Device(DeviceToken),
    /// The endpoint answered 410 at this URL.
    Endpoint(Uuid, WebhookUrl),
}

/// A recipient who has told the provider to send nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptOut {
    /// The user with this phone number, by its id.
    PhoneNumber(Uuid),
    /// The owner of an address that the payload names.
    Address(AddressHash),
}

/// The results of attempts that are not recorded yet.
///
/// If PostgreSQL goes down after a send, the result waits here until it can be recorded. The consumer holds the
/// message meanwhile, or returns it to its queue. When the message comes back, it is not sent again.
#[derive(Default)]
pub(super) struct UnrecordedAttempts(Mutex<HashMap<MessageId, (Instant, Arc<UnrecordedAttempt>)>>);

impl UnrecordedAttempts {
    fn lock(&self) -> MutexGuard<'_, HashMap<MessageId, (Instant, Arc<UnrecordedAttempt>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn insert(&self, id: MessageId, attempt: UnrecordedAttempt) {
        let now = Instant::now();
        let mut attempts = self.lock();
        attempts.retain(|_, (inserted_at, _)| now.duration_since(*inserted_at) < MAX_AGE);
        attempts.insert(id, (now, Arc::new(attempt)));
    }

    pub(super) fn get(&self, id: MessageId) -> Option<Arc<UnrecordedAttempt>> {
        let attempts = self.lock();
        attempts.get(&id).map(|(_, attempt)| Arc::clone(attempt))
    }

    /// Removes `attempt`, but not a later attempt of the same message. Returns whether it was there.
    pub(super) fn remove(&self, id: MessageId, attempt: &Arc<UnrecordedAttempt>) -> bool {
        let mut attempts = self.lock();
        let is_present = attempts
            .get(&id)
            .is_some_and(|(_, present)| Arc::ptr_eq(present, attempt));
        if is_present {
            attempts.remove(&id);
        }
        is_present
    }

    pub(super) fn ids(&self) -> Vec<MessageId> {
        self.lock().keys().copied().collect()
    }
}
