//! CPU and memory of processes, from `/proc` of Linux (proc(5)).

use std::collections::BTreeMap;
use std::fs;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinHandle;

/// How often memory is sampled.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(200);

/// A process to measure and its name in the report, such as `api=4711`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedProcess {
    /// The name in the report.
    pub name: String,
    /// The process id. The usage includes that of its children, unless they are measured themselves.
    pub pid: u32,
}

impl FromStr for WatchedProcess {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('=');
        let parsed = parts.and_then(|(name, pid)| Some((name, pid.parse().ok()?)));
        match parsed {
            Some((name, pid)) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                pid,
            }),
            _ => Err("must be a name and a process id, such as api=4711"),
        }
    }
}

/// What a process and its children used during a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ProcessUsage {
    /// Seconds of CPU, in user space and in the kernel.
    pub cpu_seconds: f64,
    /// Peak memory, in MiB. For a process without children the kernel's own peak since its start (`VmHWM`);
    /// otherwise the highest sampled sum, in which shared pages count once.
    pub peak_mib: f64,
}

/// Measures processes from [`UsageMonitor::start`] to [`UsageMonitor::stop`].
pub struct UsageMonitor {
    processes: Vec<(WatchedProcess, u64, Arc<AtomicU64>)>,
    sampling: JoinHandle<()>,
}

impl UsageMonitor {
    /// Starts to measure `processes`.
    #[must_use]
    pub fn start(processes: &[WatchedProcess]) -> Self {
        let pids: Vec<u32> = processes.iter().map(|one| one.pid).collect();
        let processes: Vec<_> = processes
            .iter()
            .map(|watched| (watched.clone(), ticks(watched.pid, &pids), Arc::default()))
            .collect();
        let peaks: Vec<(u32, Arc<AtomicU64>)> = processes
            .iter()
            .map(|(watched, _, peak)| (watched.pid, Arc::clone(peak)))
            .collect();
        let sampling = tokio::spawn(async move {
            let mut interval = tokio::time::interval(SAMPLE_INTERVAL);
            loop {
                interval.tick().await;
                for (pid, peak) in &peaks {
                    peak.fetch_max(memory_kib(*pid, &pids), Ordering::Relaxed);
                }
            }
        });
        Self {
            processes,
            sampling,
        }
    }

    /// Stops, and returns what each process used, by name.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "rates to print")]
    pub fn stop(self) -> BTreeMap<String, ProcessUsage> {
        self.sampling.abort();
        let hertz = rustix::param::clock_ticks_per_second() as f64;
        let pids: Vec<u32> = self.processes.iter().map(|(one, ..)| one.pid).collect();
        let used = self.processes.into_iter().map(|(watched, before, peak)| {
            let spent = ticks(watched.pid, &pids).saturating_sub(before);
            let now = memory_kib(watched.pid, &pids);
            let peak = peak.load(Ordering::Relaxed).max(now);
            let usage = ProcessUsage {
                cpu_seconds: spent as f64 / hertz,
                peak_mib: peak as f64 / 1024.0,
            };
            (watched.name, usage)
        });
        used.collect()
    }
}

/// Clock ticks of CPU that a process and its children, exited ones included, have used, without the children in `watched`.
/// 0 if it has exited.
fn ticks(pid: u32, watched: &[u32]) -> u64 {
    let own = stat(pid).map_or(0, |fields| fields[11..15].iter().sum());
    let children = children(pid, watched).into_iter().map(|child| {
        // `/proc` does not attribute the time of exited grandchildren to a running process.
        stat(child).map_or(0, |fields| fields[11..15].iter().sum::<u64>())
    });
    own + children.sum::<u64>()
}

/// The fields of `/proc/PID/stat` from `state` (the third) on, as numbers.
fn stat(pid: u32) -> Option<Vec<u64>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in brackets, which may contain spaces and brackets.
    let (_, fields) = text.rsplit_once(')')?;
    let fields: Vec<u64> = fields
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    (fields.len() > 15).then_some(fields)
}

/// The children of a process that are not in `watched`: the load generator starts the programs that it measures.
fn children(pid: u32, watched: &[u32]) -> Vec<u32> {
    // Each thread has a list of those that it started.
    let threads = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten();
    let lists = threads
        .flatten()
        .map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let all: String = lists.collect::<Vec<_>>().concat();
    all.split_whitespace()
        .filter_map(|child| child.parse().ok())
        .filter(|child| !watched.contains(child))
        .collect()
}

/// The memory of a process, in KiB; see [`ProcessUsage::peak_mib`].
fn memory_kib(pid: u32, watched: &[u32]) -> u64 {
    let children = children(pid, watched);
    if children.is_empty() {
        return status(pid, "VmHWM:");
    }
    let all = || std::iter::once(pid).chain(children.iter().copied());
    let own: u64 = all().map(|pid| status(pid, "RssAnon:")).sum();
    let shared = all().map(|pid| status(pid, "RssShmem:")).max();
    own + shared.unwrap_or(0)
}

/// The value of a line of `/proc/PID/status`, in KiB; 0 if the line is missing.
fn status(pid: u32, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    let value = value.and_then(|value| value.split_whitespace().next());
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_given_as_name_and_id() {
        let expected = WatchedProcess {
            name: "api".to_owned(),
            pid: 4711,
        };
        assert_eq!("api=4711".parse(), Ok(expected));
        for text in ["api", "=1", "api=", "api=x"] {
            assert!(text.parse::<WatchedProcess>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn cpu_and_memory_of_a_process_are_measured() {
        let pid = std::process::id();
        let own = WatchedProcess {
            name: "own".to_owned(),
            pid,
        };
        let before = ticks(pid, &[pid]);
        let watch = UsageMonitor::start(&[own]);
        let began = std::time::Instant::now();
        let mut sum = 0u64;
        // On a busy machine, a process may wait long for its first tick of CPU.
        while ticks(pid, &[pid]) == before && began.elapsed() < Duration::from_mins(1) {
            sum = sum
                .wrapping_mul(31)
                .wrapping_add(began.elapsed().subsec_nanos().into());
        }
        let used = watch.stop();
        assert!(used["own"].cpu_seconds > 0.0, "{used:?} {sum}");
        assert!(used["own"].peak_mib > 1.0, "{used:?}");
    }

    #[test]
    fn a_child_counts_for_its_parent_unless_it_is_measured_itself() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .expect("a process");
        let (own, id) = (std::process::id(), child.id());
        assert!(children(own, &[own]).contains(&id));
        assert!(!children(own, &[own, id]).contains(&id));
        child.kill().expect("it runs");
        child.wait().expect("its end");
    }

    #[tokio::test]
    async fn an_exited_process_used_nothing() {
        let gone = WatchedProcess {
            name: "gone".to_owned(),
            pid: u32::MAX,
        };
        let used = UsageMonitor::start(&[gone]).stop();
        assert_eq!(
            used["gone"],
            ProcessUsage {
                cpu_seconds: 0.0,
                peak_mib: 0.0
            }
        );
    }
}
