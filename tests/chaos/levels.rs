//! Whether memory comes back to its level.

use std::time::{Duration, Instant};

use crate::installation::{Installation, bound};
use crate::parts::Part;
use crate::pause::wait;
use crate::report::MemoryLevel;

/// How long that may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the processes of each program have, the larger one of two, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Levels {
    api: u64,
    worker: u64,
}

impl Levels {
    /// What they have now.
    pub async fn measure(on: &Installation) -> Self {
        let mut levels = Self::default();
        for program in on.programs() {
            if let Some(memory) = program.memory().await {
                let level = levels.of(program.part);
                *level = memory.resident.max(*level);
            }
        }
        levels
    }

    const fn of(&mut self, part: Part) -> &mut u64 {
        match part {
            Part::Api(_) => &mut self.api,
            _ => &mut self.worker,
        }
    }

    /// Waits until each process has no more than it may, at most for [`PATIENCE`].
    pub async fn back(mut self, on: &Installation) -> Vec<MemoryLevel> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let memories = self.compare(on).await;
            let back = memories.iter().all(|memory| memory.now <= memory.bound);
            if back || Instant::now() > deadline {
                return memories;
            }
            wait(Duration::from_secs(1)).await;
        }
    }

    async fn compare(&mut self, on: &Installation) -> Vec<MemoryLevel> {
        let mut memories = Vec::new();
        for program in on.programs() {
            let level = *self.of(program.part);
            if let Some(memory) = program.memory().await {
                memories.push(MemoryLevel {
                    part: program.part,
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
