use serde::{Deserialize, Serialize};

/// The answer to the cancellation of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelAnswer {
    /// 200: it is never sent.
    Cancelled,
    /// 200 with `maybeSent`: it may have been sent before.
    MaybeSent,
    /// 202: it is not recorded yet, and is never sent.
    Cancelling,
    /// 409 `being_sent`: it is not cancelled.
    BeingSent,
    /// 409 `already_sent`: it is not cancelled.
    AlreadySent,
    /// 409 `already_ended`: it is not cancelled.
    AlreadyEnded,
}

impl CancelAnswer {
    /// Whether the answer promises that the notification is never sent.
    pub const fn means_never_sent(self) -> bool {
        matches!(self, Self::Cancelled | Self::Cancelling)
    }

    /// Whether the answer promises that the notification ends as cancelled.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Cancelled | Self::MaybeSent)
    }
}
