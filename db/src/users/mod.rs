//! The table `users`.

mod account_email;
mod columns;
mod contacts;
mod email;
mod entries;
mod insert;
mod insert_all;
mod list;
mod profile;
mod put;
mod put_all;
mod put_many;
mod read;
mod role;
mod row;
mod taken;
mod update;

pub use account_email::{AccountEmail, account_emails};
pub use contacts::{ContactRights, may_write};
pub use email::{SetEmailResult, UserEmail, email, set_email};
pub use entries::{record_import, record_put, record_puts, record_update};
pub use insert::{NewUser, delete, insert};
pub use list::{UserFilter, list};
pub use profile::{UserChanges, UserProfile};
pub use put::{PutResult, create, put};
pub use put_all::put_all;
pub use put_many::{PutManyResult, put_many};
pub(crate) use read::lock;
pub use read::{existing, exists, find, find_by_email, ids_by_email};
pub use role::{SetRoleResult, is_last_admin, set_role};
pub use row::UserRow;
pub use taken::TakenFields;
pub use update::{UpdateResult, update};
