//! The table `templates`. Every change inserts a new version; no version is overwritten.

mod list;
mod read;
mod row;
mod write;

pub use list::{TemplateCursor, list, list_versions};
pub use read::{find, is_sensitive, list_sensitive, resolve, resolves};
pub use row::{TemplateKey, TemplateRow, TemplateVersionRow};
pub use write::{delete, insert_first_version, insert_version};
