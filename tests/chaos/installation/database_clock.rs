use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};

use super::database::ChaosDatabase;
use crate::clock_history::ClockHistory;

/// The difference for the check that the clock obeys.
const CHECK: SignedDuration = SignedDuration::from_secs(1_000);

/// How far a clock may be from what it should show.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(100);

/// The clock of PostgreSQL. libfaketime, which `./dev` loads into the server, adds the difference in a file to the
/// machine's clock.
pub struct DatabaseClock {
    file: PathBuf,
    history: Mutex<ClockHistory>,
}

impl DatabaseClock {
    pub fn new(file: PathBuf) -> Self {
        Self {
            file,
            history: Mutex::default(),
        }
    }

    /// Makes the clock differ from the machine's by `difference`.
    pub fn step(&self, difference: SignedDuration) -> anyhow::Result<()> {
        let history = self.history.lock();
        let mut history = history.unwrap_or_else(PoisonError::into_inner);
        history.record(Timestamp::now(), difference);
        let seconds = difference.as_secs_f64();
        // Replaced atomically: every process of the server reads the file whenever it looks at the clock.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{seconds:+.3}\n"))
            .and_then(|()| fs::rename(&new, &self.file))
            .with_context(|| format!("cannot write {}", self.file.display()))
    }

    /// Checks that the clock obeys. Must be called before anything is recorded.
    pub async fn check(&self, database: &ChaosDatabase) -> anyhow::Result<()> {
        for difference in [CHECK, -CHECK, SignedDuration::ZERO] {
            self.step(difference)?;
            let shown = database.clock().await?;
            let expected = Timestamp::now() + difference;
            anyhow::ensure!(
                shown.duration_since(expected).abs() < TOLERANCE,
                "PostgreSQL's clock shows {shown} instead of {expected}: it was started without libfaketime, or \
                 libfaketime does not work on this machine"
            );
        }
        let history = self.history.lock();
        *history.unwrap_or_else(PoisonError::into_inner) = ClockHistory::default();
        Ok(())
    }

    /// Returns all steps so far.
    pub fn history(&self) -> ClockHistory {
        let history = self.history.lock();
        history.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
