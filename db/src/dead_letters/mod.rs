//! Dead letters, as PostgreSQL knows them: the failed rows of `notifications`, and the table `dead_letters` of messages that have
//! no row.

mod cursor;
mod figures;
mod filter;
mod groups;
mod letter;
mod list;
mod queue_copies;

pub use cursor::DeadLetterCursor;
pub use figures::{Figures, figures};
pub use filter::DeadLetterFilter;
pub(crate) use filter::FAILED_AT;
pub use groups::{DeadLetterGroup, DeadLetterGroups, groups};
pub use letter::{LetterIdentity, NewLetter, WhereRow, delete_old_letters, record_letter};
pub use list::{DeadLetterKind, DeadLetterRow, find, list};
pub use queue_copies::{CopyState, QueueCopy, copy_states};
