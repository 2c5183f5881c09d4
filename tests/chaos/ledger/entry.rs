use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CancelAnswer, Fingerprint, Group, PostedTimes, UserChange};

/// An entry of the ledger: a line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerEntry {
    /// A body is about to be posted.
    Attempt {
        body: Fingerprint,
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        #[serde(flatten)]
        times: PostedTimes,
    },
    /// A body was answered with 202.
    Accepted {
        body: Fingerprint,
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        id: Uuid,
    },
    /// A notification is about to be cancelled.
    Cancel { id: Uuid },
    /// A cancellation was answered.
    Cancelled { id: Uuid, answer: CancelAnswer },
    /// A group is about to be cancelled.
    CancelGroup { group: Group },
    /// The cancellation of a group was answered: so many were cancelled.
    GroupCancelled { group: Group, cancelled: u64 },
    /// A user is about to change something. The request is repeated until it is answered, and the user changes nothing else
    /// meanwhile.
    Change {
        user: Uuid,
        change: UserChange,
        at: Timestamp,
    },
    /// The last change of a user was answered with 200.
    Changed { user: Uuid, at: Timestamp },
}
