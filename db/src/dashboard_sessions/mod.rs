//! The table `dashboard_sessions`: logins to the dashboard.

mod create;
mod end;
mod find;

use std::time::Duration;

pub use create::{NewDashboardSession, SessionHolder, create};
pub use end::{DashboardEndReason, end, end_of_user};
pub use find::{DashboardSession, find, touch};

/// A session ends once it is not used for so long.
pub const IDLE_TIME: Duration = Duration::from_hours(8);

/// A session ends at the latest so long after the login.
pub const LIFETIME: Duration = Duration::from_hours(24);

/// What a session's time of use is exact to, so that not every request writes.
const TOUCH_INTERVAL: Duration = Duration::from_mins(1);
