use std::ffi::OsStr;
use std::fs;
use std::io;

use rustix::process::{Pid, Signal, kill_process};

/// A process and its children, frozen until this is dropped.
pub struct Frozen {
    pids: Vec<Pid>,
}

impl Frozen {
    /// Freezes process `pid` and its children.
    ///
    /// # Errors
    ///
    /// Returns an error if the process does not run.
    pub fn with_children(pid: i32) -> io::Result<Self> {
        // The parent first, so that it starts no more children.
        let mut frozen = Self { pids: Vec::new() };
        frozen.stop(pid)?;
        for child in children_of(pid) {
            // The child may have ended.
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

    /// Kills the frozen processes (SIGKILL), so that none observes the end of another.
    pub fn kill(mut self) {
        for pid in self.pids.drain(..) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    /// Resumes the processes.
    pub fn thaw(self) {
        drop(self);
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in self.pids.drain(..) {
            // Fails if the process has ended.
            let _ = kill_process(pid, Signal::CONT);
        }
    }
}

/// Returns the children of `parent`, according to the fourth field of `/proc/PID/stat`.
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
    // The process name in parentheses may contain any character.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}
