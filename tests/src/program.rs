use std::collections::BTreeMap;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::client::Client;
use crate::logs::Logs;
use crate::metrics::Scrape;
use crate::poll::{eventually, eventually_ok, secs};
use crate::servers::program_path;
use crate::tokens;

/// How long a program may take to listen and to become ready on a busy machine.
const START: Duration = secs(60);

/// The kind of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramKind {
    /// `tidings-api`.
    Api,
    /// `tidings-worker`.
    Worker,
}

impl ProgramKind {
    /// Returns the file name, which is also the `service` of the log lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "tidings-api",
            Self::Worker => "tidings-worker",
        }
    }

    const fn port_variable(self) -> &'static str {
        match self {
            Self::Api => "API_PORT",
            Self::Worker => "WORKER_PORT",
        }
    }
}

/// A running program, killed when this is dropped. Prints its log if the test fails.
pub struct Program {
    kind: ProgramKind,
    settings: BTreeMap<String, String>,
    child: Child,
    logs: Logs,
    port: Arc<AtomicU16>,
}

impl Program {
    /// Starts a program with only these settings on a free port, and waits until it listens.
    pub async fn start(kind: ProgramKind, settings: BTreeMap<String, String>) -> Self {
        let logs = Logs::default();
        let child = spawn(kind, &settings, &logs);
        let mut program = Self {
            kind,
            settings,
            child,
            logs,
            port: Arc::default(),
        };
        program.until_listening(0).await;
        program
    }

    /// Runs a program that ends by itself and writes little.
    pub async fn run_to_end(kind: ProgramKind, settings: &BTreeMap<String, String>) -> Output {
        let mut child = command(kind, settings).spawn().expect("the program starts");
        eventually(START, "the program ends by itself", async || {
            child.try_wait().expect("its status").is_some()
        })
        .await;
        child.wait_with_output().expect("its output")
    }

    /// Waits for the log line with the port, after the first `seen` lines.
    async fn until_listening(&mut self, seen: usize) {
        let (logs, child) = (self.logs.clone(), &mut self.child);
        let name = self.kind.name();
        let port = eventually_ok(START, "the program listens", async || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("{name} ended ({status}):\n{}", logs.tail(40));
            }
            let lines = logs.lines();
            let port = lines[seen..].iter().find_map(|line| listening_on(line));
            port.ok_or_else(|| format!("{name} wrote:\n{}", logs.tail(10)))
        })
        .await;
        self.port.store(port, Ordering::Relaxed);
    }

    /// Waits until `/ready` answers 200.
    pub async fn until_ready(&self) {
        self.until_ok("/ready").await;
    }

    /// Waits until it is ready and connected to RabbitMQ and PostgreSQL. An API is ready without RabbitMQ as soon as a scheduler
    /// runs, and then it records notifications itself instead of publishing them.
    pub async fn until_connected(&self) {
        self.until_ok("/health").await;
        self.until_ready().await;
    }

    /// Waits until `path` answers 200.
    async fn until_ok(&self, path: &str) {
        let client = self.client().anonymous();
        eventually_ok(START, &format!("{path} answers 200"), async || match client
            .try_get(path)
            .await
        {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(answer.text),
            Err(error) => Err(error.to_string()),
        })
        .await;
    }

    /// Starts the program again after its end. Existing clients use its new port.
    pub async fn start_again(&mut self) {
        let seen = self.logs.lines().len();
        self.child = spawn(self.kind, &self.settings, &self.logs);
        self.until_listening(seen).await;
    }

    /// Returns a client with the token of a trusted service.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(Arc::clone(&self.port), Some(tokens::service()))
    }

    /// Returns the port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed)
    }

    /// Returns the process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Returns the lines on standard output and standard error.
    #[must_use]
    pub const fn logs(&self) -> &Logs {
        &self.logs
    }

    /// Returns the metrics.
    pub async fn metrics(&self) -> Scrape {
        Scrape(self.client().anonymous().get("/metrics").await.text)
    }

    /// Sends SIGTERM.
    pub fn sigterm(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGSTOP, which freezes the program until [`Program::resume`].
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Sends SIGCONT.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    /// Kills the program (SIGKILL) and waits for its end.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("its end");
    }

    /// Waits for the end of the program.
    ///
    /// # Panics
    ///
    /// Panics if the program does not end within `limit`.
    pub async fn exit_within(&mut self, limit: Duration) -> ExitStatus {
        let mut status = None;
        eventually(limit, "the program ends", async || {
            status = self.child.try_wait().expect("its status");
            status.is_some()
        })
        .await;
        status.expect("it has ended")
    }

    /// Sends SIGTERM and waits until the program exits with 0.
    pub async fn stop(&mut self) {
        self.sigterm();
        let status = self.exit_within(secs(40)).await;
        assert_eq!(status.code(), Some(0), "{}", self.kind.name());
    }
}

fn command(kind: ProgramKind, settings: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(program_path(kind.name()));
    command
        .env_clear()
        // The programs must not read the `.env` of the current folder.
        .current_dir(std::env::temp_dir())
        .env(kind.port_variable(), "0")
        .envs(settings)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn spawn(kind: ProgramKind, settings: &BTreeMap<String, String>, logs: &Logs) -> Child {
    let mut child = command(kind, settings).spawn().expect("the program starts");
    logs.follow(child.stdout.take().expect("piped"));
    logs.follow(child.stderr.take().expect("piped"));
    child
}

/// Returns the port if this is the "listening" log line.
fn listening_on(line: &str) -> Option<u16> {
    let entry: serde_json::Value = serde_json::from_str(line).ok()?;
    if entry["message"] != "listening" {
        return None;
    }
    entry["port"].as_u64()?.try_into().ok()
}

impl Drop for Program {
    fn drop(&mut self) {
        // Fails if the program has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let name = self.kind.name();
            eprintln!("--- the end of {name}'s log:\n{}\n---", self.logs.tail(60));
        }
    }
}
