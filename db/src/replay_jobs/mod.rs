//! The table `replay_jobs`: jobs that replay or purge all dead letters that match a filter.
//!
//! A chunk of a replay is taken in one transaction, which changes the rows and stores their ids in `in_flight`. Then its messages
//! are published, and the confirms are recorded in another transaction. If the process is killed in between, the next one
//! publishes what is in flight again: a second message is harmless.

mod chunk;
mod control;
mod create;
mod delete;
mod finish;
mod in_flight;
mod lease;
mod letters;
mod read;
mod row;
mod rows;
mod total;

pub use chunk::{Chunk, begin_chunk};
pub use control::{ControlResult, JobChange, control};
pub use create::{NewJob, create};
pub use delete::delete_old;
pub use finish::{ChunkResult, end, finish_chunk};
pub use in_flight::{InFlight, StoredLetter};
pub use lease::{JobWork, next_due, postpone, release, renew, take};
pub use read::{JobFilter, find, list};
pub(crate) use read::{OPEN, WAITS_SINCE};
pub use row::{JobKind, JobRow, JobState, TakenJob};
pub use total::count_total;

/// The largest rate, in dead letters a second. A job takes one chunk after the other, and PostgreSQL and RabbitMQ need some tens
/// of milliseconds for one.
pub const MAX_RATE: u32 = 1000;

/// The rate of a job for which none is given.
pub const DEFAULT_RATE: u32 = 100;
