use std::collections::BTreeMap;

use serde::Serialize;

use crate::targets::PerformanceTarget;

/// The results. Rates are notifications per second.
#[derive(Clone, Debug, Serialize)]
pub struct HostileResults {
    /// The rate of the good clients before the hostile ones come.
    pub alone_before: f64,
    /// The rate of the good clients beside the hostile ones.
    pub beside: f64,
    /// The rate of the good clients after the hostile ones have gone.
    pub alone_after: f64,
    /// Notifications of good clients that were refused beside the hostile ones.
    pub refused: u64,
    /// Notifications of good clients without an answer beside the hostile ones.
    pub unanswered: u64,
    /// How many connections the hostile clients opened.
    pub hostile_opened: u64,
    /// How many of them were open when the good clients began.
    pub hostile_open: u64,
    /// The longest time from connecting to the answer of `/live`, in seconds.
    pub slowest_live_seconds: f64,
    /// Peak memory of each program.
    pub peak_mib: BTreeMap<String, f64>,
}

impl HostileResults {
    /// The targets with the measured values.
    #[must_use]
    pub fn targets(&self) -> Vec<PerformanceTarget> {
        let peak = |name: &str| self.peak_mib.get(name).copied().unwrap_or(f64::NAN);
        // A shared machine may become slower or faster meanwhile.
        let alone = self.alone_before.midpoint(self.alone_after);
        #[expect(clippy::cast_precision_loss, reason = "a number to print")]
        let missing = (self.refused + self.unanswered) as f64;
        vec![
            PerformanceTarget::at_least(
                "accepted a second beside hostile clients ÷ alone",
                0.7,
                self.beside / alone,
            ),
            PerformanceTarget::at_most("good notifications not accepted", 0.0, missing),
            PerformanceTarget::at_most(
                "slowest answer of /live, s",
                1.0,
                self.slowest_live_seconds,
            ),
            PerformanceTarget::at_most("peak memory of api, MiB", 256.0, peak("api")),
            PerformanceTarget::at_most("peak memory of worker, MiB", 256.0, peak("worker")),
        ]
    }
}
