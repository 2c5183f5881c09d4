//! The table `templates`. Every change inserts a new version; no version is overwritten.

mod built_in;
mod list;
mod read;
mod row;
mod uses;
mod write;

pub use built_in::{BUILT_IN, built_in_digest};
pub use list::{TemplateCursor, list, list_versions};
pub use read::{find, is_sensitive, list_sensitive, resolve, resolves};
pub use row::{TemplateKey, TemplateRow, TemplateVersionRow};
pub use uses::{TemplateSchedule, schedules_with};
pub use write::{delete, insert_first_version, insert_version};
