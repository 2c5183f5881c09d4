//! The table `schedules`: recurring schedules, and what the schedulers do when they are due.

mod create;
mod read;
mod row;
mod tick;
mod update;

pub use create::{CreateResult, MAX_PER_SENDER, NewSchedule, RequestKey, create};
pub use read::{FailedSchedules, ScheduleFilter, ScheduleState, failed, find, list, overdue};
pub use row::{InvalidScheduleRow, ScheduleRow};
pub use tick::{Tick, run_due, tick};
pub use update::{ResumeResult, delete, lock, pause, resume, rewrite};
