//! The dashboard: logins, sessions in a cookie, and what protects these from other pages.
//!
//! docs/DASHBOARD.md says what people see of it.

mod cookie;
mod holder;
mod link_guesses;
mod login;
mod logout;
mod lookup;
mod maintenance;
mod request_site;
mod settings;

pub use cookie::GivenCookie;
pub use holder::{RESERVED_SUBJECT_PREFIX, subject};
pub use login::{DashboardLogin, log_in_by_link};
pub use logout::log_out;
pub use lookup::{ActiveSession, SessionOutcome, given_cookie, look_up, request_site};
pub use maintenance::maintain;
pub use settings::DashboardSettings;
