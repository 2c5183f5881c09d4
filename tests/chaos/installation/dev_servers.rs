use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tidings_tests::Frozen;
use tokio::process::Command;
use tokio::time::timeout;

use crate::components::Component;
use crate::timing::until;

/// How long `./dev` may take: a start after a kill includes recovery, on a busy machine.
const LIMIT: Duration = Duration::from_mins(4);

/// The RabbitMQ and PostgreSQL of the run, managed by `./dev`.
pub struct DevServers {
    dev: PathBuf,
    dir: PathBuf,
}

impl DevServers {
    /// Uses the instance in the folder `dir`.
    pub fn new(dev: &Path, dir: &Path) -> Self {
        Self {
            dev: dev.to_owned(),
            dir: dir.to_owned(),
        }
    }

    /// Returns a variable of the instance's `env` file.
    pub fn variable(&self, name: &str) -> anyhow::Result<String> {
        let path = self.dir.join("env");
        let variables =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let value = variables.lines().find_map(|line| {
            let (its_name, value) = line.strip_prefix("export ")?.split_once('=')?;
            (its_name == name).then(|| value.trim_matches('\'').to_owned())
        });
        value.with_context(|| format!("no {name} in {}", path.display()))
    }

    /// Creates and starts all servers, with three nodes of RabbitMQ or one.
    pub async fn start_all(&self, cluster: bool) -> anyhow::Result<()> {
        let nodes = if cluster {
            ["--cluster"].as_slice()
        } else {
            &[]
        };
        let command = [&["start"], nodes, &["rabbitmq", "postgres"]];
        self.dev(&command.concat()).await.map(drop)
    }

    /// Starts a server and waits until it is ready.
    pub async fn start(&self, server: Component) -> anyhow::Result<()> {
        self.dev(&["start", &server.to_string()]).await.map(drop)
    }

    /// Stops a server cleanly.
    pub async fn stop(&self, server: Component) -> anyhow::Result<()> {
        self.dev(&["stop", &server.to_string()]).await.map(drop)
    }

    /// Freezes a server and its children (SIGSTOP): they keep their connections but do not respond.
    pub fn freeze(&self, server: Component) -> anyhow::Result<Frozen> {
        let pid = self.pid(server)?;
        Frozen::with_children(pid).with_context(|| format!("{server} does not run"))
    }

    /// Kills a server and its children (SIGKILL), and waits for their end. Does not use `./dev`, whose lock
    /// another command may hold.
    pub async fn kill(&self, server: Component) -> anyhow::Result<()> {
        let pid = self.pid(server)?;
        self.freeze(server)?.kill();
        let gone = until(LIMIT, || async { !is_alive(pid) }).await;
        anyhow::ensure!(gone, "{server} does not end after SIGKILL");
        Ok(())
    }

    fn pid(&self, server: Component) -> anyhow::Result<i32> {
        let path = self.dir.join(format!("run/{server}.pid"));
        let text = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
        let pid = text.split_whitespace().next().unwrap_or_default();
        Ok(pid.parse()?)
    }

    /// Runs `rabbitmqctl` on a node, or on any running node if none is given.
    pub async fn rabbitmqctl(
        &self,
        node: Option<Component>,
        arguments: &[&str],
    ) -> anyhow::Result<String> {
        let node = node.map(|node| node.to_string());
        let node = node.as_deref().map_or(vec![], |node| vec!["-n", node]);
        let command = [&["rabbitmqctl"], node.as_slice(), &["-q"], arguments];
        self.dev(&command.concat()).await
    }

    /// Calls an Erlang function of a node, in milliseconds: a fault lasts as long as it should, also on a busy machine, where
    /// `rabbitmqctl` is slow because it starts an Erlang of its own. `arguments` is an Erlang list.
    pub async fn call(
        &self,
        node: Component,
        module: &str,
        function: &str,
        arguments: &str,
    ) -> anyhow::Result<String> {
        let node = node.to_string();
        let command = ["rabbitmq-call", "-n", &node, module, function, arguments];
        self.dev(&command).await
    }

    /// Runs `./dev` on the instance. Returns its standard output.
    async fn dev(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let what = arguments.join(" ");
        let running = Command::new(&self.dev)
            .env("TIDINGS_DEV_DIR", &self.dir)
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = timeout(LIMIT, running)
            .await
            .with_context(|| format!("`./dev {what}` did not end"))?
            .with_context(|| format!("cannot run {}", self.dev.display()))?;
        let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
        anyhow::ensure!(
            output.status.success(),
            "`./dev {what}` failed: {}",
            text(&output.stderr)
        );
        Ok(text(&output.stdout))
    }
}

/// Returns whether a process exists that has not ended.
fn is_alive(pid: i32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    // The process name in parentheses may contain any character.
    let state = stat.rsplit_once(')').map_or("", |(_, rest)| rest.trim());
    !state.starts_with(['Z', 'X'])
}
