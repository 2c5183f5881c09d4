//! What an operator sees first: what is wrong now, how much is sent, and what waits. Pure values; the programs collect the
//! [`Facts`].

mod channels;
mod facts;
mod problems;
mod report;
mod view;

pub use channels::{ChannelOverview, ChannelStop, channels};
pub use facts::{
    CappedCount, ChannelSwitch, DatabaseFacts, DatedCount, Facts, JobFacts, QueueFacts, QueueRole,
    RunningProcess, ServerState,
};
pub use problems::{Problem, ProblemSeverity, problems};
pub use report::{ChannelReport, MAX_AWAY};
pub use view::{Durations, Latest, Overview, ProcessOverview, Rates, Rung, StatsFigures};
