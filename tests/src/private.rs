use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::Url;
use rustix::process::{Pid, Signal, kill_process};
use uuid::Uuid;

use crate::servers::{Servers, required};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// RabbitMQ.
    RabbitMq,
    /// PostgreSQL.
    Postgres,
}

impl Server {
    const fn name(self) -> &'static str {
        match self {
            Self::RabbitMq => "rabbitmq",
            Self::Postgres => "postgres",
        }
    }
}

/// A server of the test's own, which it may stop, kill and freeze. Made by `./dev`, and deleted with
/// this; so it must be dropped after all that uses it.
pub struct PrivateServer {
    server: Server,
    dir: PathBuf,
}

impl PrivateServer {
    /// A new one, running.
    pub async fn new(server: Server) -> Self {
        let name = format!("{}-{}", server.name(), Uuid::new_v4().simple());
        let private = Self {
            server,
            dir: Path::new(&required("TIDINGS_TEST_PRIVATE_DIR")).join(name),
        };
        private.start().await;
        private
    }

    /// `others`, but this one in its place.
    #[must_use]
    pub fn among(&self, others: Servers) -> Servers {
        match self.server {
            Server::RabbitMq => Servers {
                rabbitmq: self.url("RABBITMQ_URL"),
                management: self.url("RABBITMQ_MANAGEMENT_URL"),
                ..others
            },
            Server::Postgres => {
                let mut database = self.url("DATABASE_URL");
                database.set_path("postgres");
                Servers { database, ..others }
            }
        }
    }

    /// Writes a file beside it, which is deleted with it. Returns the file's path.
    #[must_use]
    pub fn file(&self, name: &str, content: &str) -> String {
        let path = self.dir.join(name);
        fs::write(&path, content).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    }

    /// Starts it again and waits until it can be used.
    pub async fn start(&self) {
        self.dev(&["start", self.server.name()]).await;
    }

    /// Stops it in good order.
    pub async fn stop(&self) {
        self.dev(&["stop", self.server.name()]).await;
    }

    /// Kills it (SIGKILL), and its children with it.
    pub async fn kill(&self) {
        self.dev(&["kill", self.server.name()]).await;
    }

    /// Runs the broker's own tool.
    pub async fn rabbitmqctl(&self, arguments: &[&str]) {
        self.dev(&[&["rabbitmqctl"], arguments].concat()).await;
    }

    /// Lets it stand still (SIGSTOP): it keeps its connections and answers nobody.
    pub async fn freeze(&self) -> Frozen {
        let status = self.dev(&["status"]).await;
        let line = status
            .lines()
            .find(|line| line.starts_with(self.server.name()));
        let pid = line.and_then(|line| line.split_whitespace().nth(2));
        let pid = pid.and_then(|pid| pid.parse().ok());
        let pid: i32 = pid.unwrap_or_else(|| panic!("it does not run:\n{status}"));
        Frozen::with_children(pid).expect("it runs")
    }

    /// A variable that `./dev` wrote down for whoever uses the instance.
    fn url(&self, name: &str) -> Url {
        let path = self.dir.join("env");
        let variables = fs::read_to_string(&path).expect("the instance's variables");
        let value = variables
            .lines()
            .find_map(|line| {
                let (its_name, value) = line.strip_prefix("export ")?.split_once('=')?;
                (its_name == name).then(|| value.trim_matches('\''))
            })
            .unwrap_or_else(|| panic!("no {name} in {}", path.display()));
        value.parse().expect("a URL")
    }

    /// Runs `./dev` on the instance and returns what it wrote to its standard output.
    async fn dev(&self, arguments: &[&str]) -> String {
        let mut command = dev(&self.dir, arguments);
        let running = tokio::task::spawn_blocking(move || {
            let output = command.output().expect("./dev runs");
            assert!(output.status.success(), "{command:?}: {output:?}");
            output.stdout
        });
        let output = running.await.expect("./dev succeeds");
        String::from_utf8(output).expect("text")
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        let output = dev(&self.dir, &["down", "--purge"]).output();
        // A panic in a drop could abort the test, and `./dev test` clears up behind us.
        if !output.as_ref().is_ok_and(|output| output.status.success()) {
            eprintln!("not cleaned up: {}: {output:?}", self.dir.display());
        }
    }
}

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

fn dev(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(required("TIDINGS_DEV"));
    command.env("TIDINGS_DEV_DIR", dir).args(arguments);
    command
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
