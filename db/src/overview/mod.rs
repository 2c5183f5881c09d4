//! What PostgreSQL knows for the overview of an installation. No query reads more than a bounded number of rows or entries
//! of an index.

mod counts;
mod export;
mod facts;
mod waiting;

pub use counts::{MAX_COUNTED, dead_letters, endpoints_disabled, jobs};
pub use export::export_metrics;
pub use facts::{channel_facts, facts, figures};
pub use waiting::{oldest_waiting, oldest_waiting_by_channel};
