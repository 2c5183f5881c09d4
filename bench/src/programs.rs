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
use crate::usage::Watched;

/// How long a program may take to start, and to stop.
const PATIENCE: Duration = Duration::from_mins(1);

/// Settings of a program, by the names of their environment variables, beside those of this process.
pub type Settings = BTreeMap<&'static str, String>;

/// A program that runs for a while; it is ended with this at the latest.
pub struct Program {
    name: &'static str,
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Program {
    /// Starts the program at `path` with a free port, which it reads from `port_setting`, and waits until
    /// it is ready. It logs to a file in `logs`.
    ///
    /// # Errors
    ///
    /// Where it does not become ready.
    pub async fn start(
        name: &'static str,
        path: &Path,
        port_setting: &'static str,
        settings: &Settings,
        logs: &Path,
    ) -> anyhow::Result<Self> {
        let address = free_address()?;
        let log_path: PathBuf = logs.join(format!("{name}.log"));
        let log = File::create(&log_path).context("cannot write a log")?;
        let child = Command::new(path)
            .envs(settings)
            .env(port_setting, address.port().to_string())
            // Where no file `.env` adds to the settings.
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
                    "{name} ended instead of starting: {status}; see {}",
                    log_path.display()
                );
            }
            if began.elapsed() > PATIENCE {
                bail!("{name} did not become ready; see {}", log_path.display());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(program)
    }

    /// What to watch it by.
    pub fn watched(&self) -> Watched {
        Watched {
            name: self.name.to_owned(),
            pid: self.child.id(),
        }
    }

    /// Has it finish what is in flight and waits for its end.
    ///
    /// # Errors
    ///
    /// Where it does not end in good order.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("no process id")?, Signal::TERM)?;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                anyhow::ensure!(status.success(), "{} ended with {status}", self.name);
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("{} did not stop", self.name)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Where it has ended already there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens on at the moment.
fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}
