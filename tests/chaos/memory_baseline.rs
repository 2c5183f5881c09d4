//! Checks that memory returns to its baseline.

use std::time::{Duration, Instant};

use crate::components::Component;
use crate::installation::{Installation, bound};
use crate::report::MemoryLevel;
use crate::timing::wait;

/// How long memory may take to return to its bound.
const LIMIT: Duration = Duration::from_mins(1);

/// The resident memory of each kind of process in bytes: the larger of two.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryBaseline {
    api: u64,
    worker: u64,
    scheduler: u64,
}

impl MemoryBaseline {
    /// Measures the resident memory.
    pub async fn measure(on: &Installation) -> Self {
        let mut baseline = Self::default();
        for program in on.programs() {
            if let Some(memory) = program.memory().await {
                let level = baseline.of(program.component);
                *level = memory.resident.max(*level);
            }
        }
        baseline
    }

    const fn of(&mut self, component: Component) -> &mut u64 {
        match component {
            Component::Api(_) => &mut self.api,
            Component::Scheduler(_) => &mut self.scheduler,
            _ => &mut self.worker,
        }
    }

    /// Waits for at most [`LIMIT`] until no process exceeds its bound. Returns the memory of each process.
    pub async fn wait_until_within_bounds(mut self, on: &Installation) -> Vec<MemoryLevel> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let memories = self.compare(on).await;
            let within = memories.iter().all(|memory| memory.now <= memory.bound);
            if within || Instant::now() > deadline {
                return memories;
            }
            wait(Duration::from_secs(1)).await;
        }
    }

    async fn compare(&mut self, on: &Installation) -> Vec<MemoryLevel> {
        let mut memories = Vec::new();
        for program in on.programs() {
            let level = *self.of(program.component);
            if let Some(memory) = program.memory().await {
                memories.push(MemoryLevel {
                    component: program.component,
                    level,
                    now: memory.resident,
                    peak: memory.peak,
                    bound: bound(level),
                });
            }
        }
        memories
    }
}
