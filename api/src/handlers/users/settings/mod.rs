//! `/api/users/{userId}/settings`: the time zone, the language, the quiet hours and the digests of a user.

mod body;
mod change;
pub mod find;
pub mod update;
mod view;

pub use body::ChangesBody;
pub use change::change;
pub use view::{SettingsView, find_settings};
