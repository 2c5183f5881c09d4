use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::memory::Memory;
use crate::parts::Part;
use crate::pause::until;
use crate::proxy::Proxy;
use crate::story::Story;

/// How long a program may take to listen: the machine is busy.
const START: Duration = Duration::from_secs(90);

/// How long it may take to leave: its own 30 s (`SHUTDOWN_TIMEOUT_SECS`), and as much again.
const LEAVE: Duration = Duration::from_mins(1);

/// What is shown of the log of a program that has ended by itself, in bytes.
const TAIL: u64 = 4000;

/// A process of `tidings-api` or `tidings-worker`, as a supervisor would run it.
pub struct Program {
    pub part: Part,
    binary: PathBuf,
    settings: BTreeMap<String, String>,
    log: PathBuf,
    /// Where clients come in.
    door: Option<Arc<Proxy>>,
    /// The process; `None` while it is down on purpose.
    child: Mutex<Option<Child>>,
    /// Where it listens; 0 while it does not.
    port: AtomicU16,
}

impl Program {
    /// One that has yet to be started.
    pub fn new(
        part: Part,
        binary: PathBuf,
        settings: BTreeMap<String, String>,
        log: PathBuf,
        door: Option<Arc<Proxy>>,
    ) -> Self {
        Self {
            part,
            binary,
            settings,
            log,
            door,
            child: Mutex::default(),
            port: AtomicU16::new(0),
        }
    }

    /// Starts it, unless it runs, and waits until it listens. Where it ends before, [`Program::died`]
    /// tells.
    pub async fn start(&self) -> anyhow::Result<()> {
        let mut child = self.child.lock().await;
        if child.is_some() {
            return Ok(());
        }
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("cannot write {}", self.log.display()))?;
        let seen = log.metadata()?.len();
        let started = Command::new(&self.binary)
            .env_clear()
            .envs(&self.settings)
            // A `.env` in the folder of whoever runs this is not for the programs.
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", self.binary.display()))?;
        *child = Some(started);
        drop(child);
        let listening = until(START, || async {
            if let Some(port) = listening_port(&self.log, seen) {
                self.port.store(port, Ordering::Relaxed);
                if let Some(door) = &self.door {
                    door.lead_to(port);
                }
                return true;
            }
            self.pid().await.is_none()
        });
        anyhow::ensure!(listening.await, "{} does not listen", self.part);
        Ok(())
    }

    /// Its process id; `None` where it does not run.
    pub async fn pid(&self) -> Option<Pid> {
        let child = self.child.lock().await;
        let pid = child.as_ref()?.id()?;
        Pid::from_raw(pid.try_into().ok()?)
    }

    /// Kills it (SIGKILL).
    pub async fn kill(&self, story: &Story) -> anyhow::Result<()> {
        let Some(mut child) = self.take(story).await else {
            return Ok(());
        };
        child.kill().await?;
        Ok(())
    }

    /// Asks it to leave (SIGTERM) and waits until it has.
    pub async fn stop(&self, story: &Story) -> anyhow::Result<Option<ExitStatus>> {
        let Some(mut child) = self.take(story).await else {
            return Ok(None);
        };
        if let Some(pid) = child
            .id()
            .and_then(|pid| Pid::from_raw(pid.try_into().ok()?))
        {
            kill_process(pid, Signal::TERM)?;
        }
        if let Ok(status) = timeout(LEAVE, child.wait()).await {
            return Ok(Some(status?));
        }
        story.complain(format_args!("{} did not leave within {LEAVE:?}", self.part));
        child.kill().await?;
        Ok(None)
    }

    /// Takes the process in order to end it: from now on its end is no surprise.
    async fn take(&self, story: &Story) -> Option<Child> {
        let mut child = self.child.lock().await;
        self.look(&mut child, story);
        self.port.store(0, Ordering::Relaxed);
        if let Some(door) = &self.door {
            door.lead_to(0);
        }
        child.take()
    }

    /// Stops it (SIGSTOP) for a while, or until `over` ends.
    pub async fn freeze(&self, over: impl Future<Output = ()>) -> anyhow::Result<()> {
        let Some(pid) = self.pid().await else {
            return Ok(());
        };
        kill_process(pid, Signal::STOP)?;
        over.await;
        // Where it has been killed meanwhile, so be it.
        let _ = kill_process(pid, Signal::CONT);
        Ok(())
    }

    /// Complains where it has ended by itself, and tells whether it has.
    pub async fn died(&self, story: &Story) -> bool {
        self.look(&mut *self.child.lock().await, story)
    }

    fn look(&self, child: &mut Option<Child>, story: &Story) -> bool {
        let Some(Ok(Some(status))) = child.as_mut().map(Child::try_wait) else {
            return false;
        };
        *child = None;
        let tail = tail(&self.log).unwrap_or_else(|error| format!("no log: {error}"));
        story.complain(format_args!(
            "{} ended by itself ({status}); the end of its log:\n{tail}",
            self.part
        ));
        true
    }

    /// Where it listens; 0 while it does not.
    pub fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed)
    }

    /// What of the machine's memory it has, in bytes, and the most that it ever had.
    pub async fn memory(&self) -> Option<Memory> {
        let pid = self.pid().await?;
        let path = format!("/proc/{}/status", pid.as_raw_nonzero());
        Memory::read(&fs::read_to_string(path).ok()?)
    }

    /// How many lines of its log have this message.
    pub fn logged(&self, message: &str) -> usize {
        let wanted = format!(r#""message":"{message}""#);
        let log = fs::read(&self.log).unwrap_or_default();
        let lines = log.split(|byte| *byte == b'\n');
        let says = |line: &&[u8]| {
            line.windows(wanted.len())
                .any(|part| part == wanted.as_bytes())
        };
        lines.filter(says).count()
    }
}

/// The port in the line of a log that says that the program listens, behind the first `seen` bytes.
fn listening_port(log: &Path, seen: u64) -> Option<u16> {
    let mut file = File::open(log).ok()?;
    file.seek(SeekFrom::Start(seen)).ok()?;
    let mut text = Vec::new();
    file.read_to_end(&mut text).ok()?;
    let lines = text.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
        .find(|entry| entry["message"] == "listening")
        .and_then(|entry| entry["port"].as_u64()?.try_into().ok())
}

fn tail(log: &Path) -> std::io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
