//! Accounts: users with passwords, sessions and tokens of their own.
//!
//! The functions of this module are the one service behind HTTP and gRPC. They know neither: a request is a value that cannot
//! be wrong, and an error is an [`AccountError`].

mod access_token;
mod account_changes;
mod client;
mod dashboard_login;
mod deletion;
mod device;
mod ended_sessions;
mod error;
mod hashing;
mod invites;
mod keys;
mod login;
mod logout;
mod messages;
mod notices;
mod password_change;
mod random;
mod recover_account;
mod recovery;
mod refresh;
mod refresh_token;
mod register;
mod session_start;
mod sessions;
mod settings;
mod state;
mod throttle;
mod tokens;
mod user_by_email;
mod users;
mod verification;

pub use access_token::{InvalidUserToken, KEY_ID as USER_KEY_ID, UserGrant};
pub use account_changes::{AddressesBefore, Changer, tell_of_key};
pub use client::ClientInfo;
pub use dashboard_login::log_in_to_dashboard;
pub use deletion::delete_account;
pub use error::AccountError;
pub use invites::invite;
pub use login::{LoginName, LoginRequest, login};
pub use logout::{logout, logout_all};
pub use password_change::{change_password, hash_password};
pub use recover_account::recover_account;
pub use recovery::{forgot, reset};
pub use refresh::refresh;
pub use refresh_token::RefreshToken;
pub use register::{RegisterRequest, register};
pub use sessions::{end_session, list_sessions};
pub use settings::{AccountSettings, Registration, read_trusted_proxies};
pub use state::AccountsState;
pub use throttle::{FROM_NETWORK, network_of};
pub use tidings_passwords::{GivenPassword, NewPassword};
pub use tokens::{AccountUser, LoggedIn, TokenPair};
pub use users::get_user;
pub use verification::{send_code, verify_contact};
