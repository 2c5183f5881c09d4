//! The table `api_keys`.

pub mod bench;
mod changes;
mod create;
mod entries;
mod read;
mod rotate;
mod row;
mod state;
mod touch;
mod update;

pub use changes::{ChangedKeys, KeySnapshot, changes};
pub use create::{CreateKeyResult, MAX_KEYS, NewApiKey, create};
pub use entries::{record_create, record_revoke, record_rotate, record_update};
pub use read::{KeyFilter, find, list, lock};
pub use rotate::{DEFAULT_OVERLAP_HOURS, MAX_OVERLAP_HOURS, rotate};
pub use row::ApiKeyRow;
pub use state::{LiveKey, PreviousSecret};
pub use touch::touch;
pub use update::{KeyChanges, revoke, set_suspended, update};
