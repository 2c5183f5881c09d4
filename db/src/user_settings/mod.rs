//! The table `user_settings`, and the time zone and the language in `users`.

mod quiet;
mod row;
mod timezone_claims;
mod update;

pub(crate) use quiet::{QUIET_HOURS, quiet_hours};
pub use quiet::{UserQuietHours, lock_quiet_hours};
pub(crate) use row::DIGEST_AT;
pub use row::{UserSettings, find};
pub use timezone_claims::wait_for_timezone_claims;
pub use update::{DigestChanges, MAX_DIGESTS, SettingsChanges, UpdateSettingsResult, update};
