//! Starts and stops the programs to measure.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use crate::load::is_ready;
use crate::process_usage::WatchedProcess;

/// How long a program may take to start, and to stop.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Environment variables of a program, in addition to those of this process.
pub type EnvVars = BTreeMap<&'static str, String>;

/// A running program. Dropping it kills the program.
pub struct RunningProgram {
    name: &'static str,
    child: Child,
    /// The address that it listens on.
    pub address: SocketAddr,
}

impl RunningProgram {
    /// Starts the program at `path` and waits until it is ready. `port_setting` passes it a free port. The
    /// program logs to a file in `logs`.
    ///
    /// # Errors
    ///
    /// Returns an error if the program does not become ready.
    pub async fn start(
        name: &'static str,
        path: &Path,
        port_setting: &'static str,
        settings: &EnvVars,
        logs: &Path,
    ) -> anyhow::Result<Self> {
        let address = free_address()?;
        let log_path: PathBuf = logs.join(format!("{name}.log"));
        let log = File::create(&log_path).context("cannot write a log")?;
        let child = Command::new(path)
            .envs(settings)
            .env(port_setting, address.port().to_string())
            // A folder without a file `.env`.
            .current_dir(logs)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", path.display()))?;
        let mut program = Self {
            name,
            child,
            address,
        };
        let began = Instant::now();
        while !is_ready(address).await {
            if let Some(status) = program.child.try_wait()? {
                bail!(
                    "{name} exited during its start with {status}; see {}",
                    log_path.display()
                );
            }
            if began.elapsed() > TIMEOUT {
                bail!("{name} did not become ready; see {}", log_path.display());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(program)
    }

    /// The process, to be measured.
    pub fn watched(&self) -> WatchedProcess {
        WatchedProcess {
            name: self.name.to_owned(),
            pid: self.child.id(),
        }
    }

    /// Sends SIGTERM and waits until the program exits.
    ///
    /// # Errors
    ///
    /// Returns an error if the program does not exit, or exits with an error.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("no process id")?, Signal::TERM)?;
        let began = Instant::now();
        while began.elapsed() < TIMEOUT {
            if let Some(status) = self.child.try_wait()? {
                anyhow::ensure!(status.success(), "{} exited with {status}", self.name);
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("{} did not stop", self.name)
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        // Fails if the program has exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address with a port that is free at the moment.
fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}
