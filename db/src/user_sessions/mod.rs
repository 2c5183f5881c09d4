//! The table `sessions`: the logins of users.

mod create;
mod end;
mod read;
mod rotate;

pub use create::{NewUserSession, create};
pub use end::{EndReason, end, end_all, ended_recently};
pub use read::{LoginClient, UserSession, find, list, login_clients_since};
pub use rotate::{RotateResult, rotate};
