//! The table `digests`: notifications of a category that a user gets in one message.
//!
//! An item is a notification with the status `scheduled`, a `digest_id` and no `not_before`: nothing else releases it. A
//! transaction that adds an item and one that closes the digest both lock the row of the digest first, at `READ COMMITTED`.
//! So each item is in the digest that is closed, or in the next one.

mod add;
mod close;
mod close_items;
mod facts;
mod find;
mod join;
mod record;
mod reopen;

pub use close::{CloseResult, Closing, close, due};
pub use facts::DigestFacts;
pub(crate) use facts::digest_facts;
pub use find::{DigestRow, of_user, overdue};
pub use join::{DueItem, join};
pub(crate) use record::{Collected, record_items};
pub use reopen::reopen_items;
