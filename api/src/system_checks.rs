//! The checks of `tidings doctor`, for all who ask at the same time.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tidings_doctor::CheckResults;
use tidings_settings::Sources;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long results count as new. Each run opens connections to the servers.
const FRESH: Duration = Duration::from_secs(10);

/// Runs the checks, at most one run at a time.
#[derive(Debug)]
pub struct SystemChecks {
    sources: Arc<Sources>,
    last: Mutex<Option<Run>>,
}

/// The results of a run.
#[derive(Clone, Debug)]
pub struct Run {
    /// When it ended.
    pub at: Timestamp,
    /// What it has found.
    pub results: Arc<CheckResults>,
    ended: Instant,
}

impl SystemChecks {
    /// Checks the servers of these settings.
    pub fn new(sources: Arc<Sources>) -> Self {
        Self {
            sources,
            last: Mutex::new(None),
        }
    }

    /// The settings.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Returns the results of a run that has ended within the last [`FRESH`], if necessary after a new one. Takes at most a
    /// little longer than [`tidings_doctor::TIMEOUT`], or twice that if another run is under way.
    pub async fn run(&self) -> Run {
        // Requests that wait for a run of the checks get its results.
        let mut last = self.last.lock().await;
        if let Some(run) = last.as_ref().filter(|run| run.ended.elapsed() < FRESH) {
            return run.clone();
        }
        let results = Arc::new(tidings_doctor::check(&self.sources).await);
        let run = Run {
            at: Timestamp::now(),
            results,
            ended: Instant::now(),
        };
        *last = Some(run.clone());
        run
    }
}
