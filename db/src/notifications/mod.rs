//! The table `notifications`: recording, reading, and the legal changes of a row's status.

mod read;
mod record;
mod transitions;

pub use read::{Cursor, Filter, InvalidCursor, Row, find, list};
pub use record::{Recorded, Standing, record, standings};
pub use transitions::{fail, process, replay};
