//! Dead letters, as PostgreSQL knows them: the failed rows of `notifications`, and the table `dead_letters` of messages that have
//! no row.

pub mod bench;
mod close;
mod cursor;
mod figures;
mod filter;
mod groups;
mod letter;
mod list;
mod queue_copies;

pub use close::{OpenLetter, RecordedLetter, close_letters, open_letters, recorded_letters};
pub use cursor::DeadLetterCursor;
pub use figures::{Figures, capped_figures, figures};
pub(crate) use filter::FAILED_AT;
pub use filter::{DeadLetterFilter, UnknownFilter};
pub use groups::{DeadLetterGroup, DeadLetterGroups, MAX_COUNTED, groups};
pub use letter::{LetterIdentity, NewLetter, WhereRow, delete_old_letters, record_letter};
pub use list::{DeadLetterKind, DeadLetterRow, find, list};
pub use queue_copies::{CopyState, QueueCopy, copy_states};
