use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What is told of a run while it goes on, on standard error, and what went wrong in it.
pub struct Story {
    began: Instant,
    complaints: Mutex<Vec<String>>,
}

impl Story {
    pub fn begin() -> Self {
        Self {
            began: Instant::now(),
            complaints: Mutex::default(),
        }
    }

    /// A line with the time since the beginning.
    pub fn tell(&self, what: impl Display) {
        let tenths = self.began.elapsed().as_millis() / 100;
        let (minutes, seconds) = (tenths / 600, tenths / 10 % 60);
        eprintln!("{minutes:3}:{seconds:02}.{} {what}", tenths % 10);
    }

    /// Tells of something that must not be. The run goes on, and fails.
    pub fn complain(&self, what: impl Display) {
        let what = what.to_string();
        self.tell(format_args!("WRONG: {what}"));
        let mut complaints = self
            .complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        complaints.push(what);
    }

    /// All complaints so far.
    pub fn complaints(&self) -> Vec<String> {
        let complaints = self.complaints.lock();
        complaints.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
