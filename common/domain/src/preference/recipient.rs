use crate::notification::UserId;

use super::AddressHash;

/// Whose preferences count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recipient {
    /// A user.
    User(UserId),
    /// The owner of an address, who has no account.
    Address(AddressHash),
}
