//! The table `notifications`: recording, reading, and the legal changes of a row's status.

mod claim;
mod measured;
mod read;
mod record;
mod transitions;

pub use claim::{Claim, Claimed, LeaseToken, attempt_failed, claim, defer, delivered};
pub use measured::{Measured, count, measured};
pub use read::{Cursor, Filter, InvalidCursor, Row, find, list};
pub use record::{Recorded, Standing, record, standings};
pub use transitions::{fail, process, replay};
