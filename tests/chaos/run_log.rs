use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The log of a run, on standard error. Collects the errors.
pub struct RunLog {
    began: Instant,
    errors: Mutex<Vec<String>>,
}

impl RunLog {
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            errors: Mutex::default(),
        }
    }

    /// Writes a line with the time since the start.
    pub fn info(&self, what: impl Display) {
        let tenths = self.began.elapsed().as_millis() / 100;
        let (minutes, seconds) = (tenths / 600, tenths / 10 % 60);
        eprintln!("{minutes:3}:{seconds:02}.{} {what}", tenths % 10);
    }

    /// Writes an error. The run continues, and fails at its end.
    pub fn error(&self, what: impl Display) {
        let what = what.to_string();
        self.info(format_args!("ERROR: {what}"));
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.push(what);
    }

    /// Returns all errors so far.
    pub fn errors(&self) -> Vec<String> {
        let errors = self.errors.lock();
        errors.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
