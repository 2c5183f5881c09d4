use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
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
use crate::components::Component;
use crate::proxy::Proxy;
use crate::run_log::RunLog;
use crate::timing::until;

/// How long a program may take to listen on a busy machine.
const START: Duration = Duration::from_secs(90);

/// How long a program may take to stop: twice its own limit of 30 s (`SHUTDOWN_TIMEOUT_SECS`).
const STOP: Duration = Duration::from_mins(1);

/// Bytes of the log that are shown if a program ends unexpectedly.
const TAIL: u64 = 4000;

/// A process of `tidings-api` or `tidings-worker`, with its supervisor.
pub struct SupervisedProgram {
    pub component: Component,
    binary: PathBuf,
    settings: BTreeMap<String, String>,
    log: PathBuf,
    /// The proxy of the clients.
    proxy: Option<Arc<Proxy>>,
    /// The process. `None` while a fault keeps it stopped.
    child: Mutex<Option<Child>>,
    /// The port; 0 while the program does not listen.
    port: AtomicU16,
}

impl SupervisedProgram {
    /// Creates a program that is not running.
    pub fn new(
        component: Component,
        binary: PathBuf,
        settings: BTreeMap<String, String>,
        log: PathBuf,
        proxy: Option<Arc<Proxy>>,
    ) -> Self {
        Self {
            component,
            binary,
            settings,
            log,
            proxy,
            child: Mutex::default(),
            port: AtomicU16::new(0),
        }
    }

    /// Starts the program unless it runs, and waits until it listens or ends. [`SupervisedProgram::died`] reports
    /// an early end.
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
            // The programs must not read the `.env` of the current folder.
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
                if let Some(proxy) = &self.proxy {
                    proxy.set_upstream(port);
                }
                return true;
            }
            self.pid().await.is_none()
        });
        anyhow::ensure!(listening.await, "{} does not listen", self.component);
        Ok(())
    }

    /// Returns the process id, or `None` if the program does not run.
    pub async fn pid(&self) -> Option<Pid> {
        let child = self.child.lock().await;
        let pid = child.as_ref()?.id()?;
        Pid::from_raw(pid.try_into().ok()?)
    }

    /// Kills the program (SIGKILL).
    pub async fn kill(&self, log: &RunLog) -> anyhow::Result<()> {
        let Some(mut child) = self.take(log).await else {
            return Ok(());
        };
        child.kill().await?;
        Ok(())
    }

    /// Sends SIGTERM and waits for the end.
    pub async fn stop(&self, log: &RunLog) -> anyhow::Result<Option<ExitStatus>> {
        let Some(mut child) = self.take(log).await else {
            return Ok(None);
        };
        if let Some(pid) = child
            .id()
            .and_then(|pid| Pid::from_raw(pid.try_into().ok()?))
        {
            kill_process(pid, Signal::TERM)?;
        }
        if let Ok(status) = timeout(STOP, child.wait()).await {
            return Ok(Some(status?));
        }
        log.error(format_args!(
            "{} did not stop within {STOP:?}",
            self.component
        ));
        child.kill().await?;
        Ok(None)
    }

    /// Takes the process, so that its end is expected.
    async fn take(&self, log: &RunLog) -> Option<Child> {
        let mut child = self.child.lock().await;
        self.check(&mut child, log);
        self.port.store(0, Ordering::Relaxed);
        if let Some(proxy) = &self.proxy {
            proxy.set_upstream(0);
        }
        child.take()
    }

    /// Freezes the program (SIGSTOP) until `over` ends.
    pub async fn freeze(&self, over: impl Future<Output = ()>) -> anyhow::Result<()> {
        let Some(pid) = self.pid().await else {
            return Ok(());
        };
        kill_process(pid, Signal::STOP)?;
        over.await;
        // Fails if the program has been killed meanwhile.
        let _ = kill_process(pid, Signal::CONT);
        Ok(())
    }

    /// Returns whether the program has ended unexpectedly, and logs an error if so.
    pub async fn died(&self, log: &RunLog) -> bool {
        self.check(&mut *self.child.lock().await, log)
    }

    fn check(&self, child: &mut Option<Child>, log: &RunLog) -> bool {
        let Some(Ok(Some(status))) = child.as_mut().map(Child::try_wait) else {
            return false;
        };
        *child = None;
        let tail = tail(&self.log).unwrap_or_else(|error| format!("no log: {error}"));
        log.error(format_args!(
            "{} ended unexpectedly ({status}); the end of its log:\n{tail}",
            self.component
        ));
        true
    }

    /// Returns the port, or 0 while the program does not listen.
    pub fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed)
    }

    /// Returns the memory of the process.
    pub async fn memory(&self) -> Option<Memory> {
        let pid = self.pid().await?;
        let path = format!("/proc/{}/status", pid.as_raw_nonzero());
        Memory::read(&fs::read_to_string(path).ok()?)
    }

    /// Returns the number of log lines that contain `text`.
    pub fn lines_with(&self, text: &str) -> usize {
        let Ok(log) = File::open(&self.log) else {
            return 0;
        };
        let lines = BufReader::new(log).split(b'\n').map_while(Result::ok);
        let contains = |line: &Vec<u8>| String::from_utf8_lossy(line).contains(text);
        lines.filter(contains).count()
    }
}

/// Returns the port of the "listening" entry after the first `seen` bytes of a log.
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
