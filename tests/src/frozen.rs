use std::ffi::OsStr;
use std::fs;
use std::io;

use rustix::process::{Pid, Signal, kill_process};

/// A process and its children that stand still until this is dropped.
pub struct Frozen {
    pids: Vec<Pid>,
}

impl Frozen {
    /// Stops process `pid` and its children.
    ///
    /// # Errors
    ///
    /// Where it does not run.
    pub fn with_children(pid: i32) -> io::Result<Self> {
        // The parent first: then there will be no more children.
        let mut frozen = Self { pids: Vec::new() };
        frozen.stop(pid)?;
        for child in children_of(pid) {
            // It may have been about to end.
            let _ = frozen.stop(child);
        }
        Ok(frozen)
    }

    fn stop(&mut self, pid: i32) -> io::Result<()> {
        let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
        kill_process(pid, Signal::STOP)?;
        self.pids.push(pid);
        Ok(())
    }

    /// Kills them (SIGKILL), all at once as far as they can tell.
    pub fn kill(mut self) {
        for pid in self.pids.drain(..) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    /// Lets it go on.
    pub fn thaw(self) {
        drop(self);
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in self.pids.drain(..) {
            // Whoever is gone needs no thawing.
            let _ = kill_process(pid, Signal::CONT);
        }
    }
}

/// The processes that `parent` has started, from the fourth field of `/proc/PID/stat`.
fn children_of(parent: i32) -> Vec<i32> {
    let processes = fs::read_dir("/proc").expect("/proc");
    let pids = processes.filter_map(|entry| number(&entry.ok()?.file_name()));
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn number(name: &OsStr) -> Option<i32> {
    name.to_str()?.parse().ok()
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may contain anything.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}
