use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tidings_tests::Frozen;
use tokio::process::Command;
use tokio::time::timeout;

use crate::parts::Part;
use crate::pause::until;

/// How long `./dev` may take: a start after a kill includes a recovery, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(4);

/// RabbitMQ and PostgreSQL of this run's own, made by `./dev`.
pub struct Servers {
    dev: PathBuf,
    dir: PathBuf,
}

impl Servers {
    /// Those in the folder `dir`.
    pub fn new(dev: &Path, dir: &Path) -> Self {
        Self {
            dev: dev.to_owned(),
            dir: dir.to_owned(),
        }
    }

    /// A variable that `./dev` wrote down for whoever uses the instance.
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

    /// Makes them, with three nodes of RabbitMQ or one, and starts them all.
    pub async fn start_all(&self, cluster: bool) -> anyhow::Result<()> {
        let nodes = if cluster {
            ["--cluster"].as_slice()
        } else {
            &[]
        };
        let command = [&["start"], nodes, &["rabbitmq", "postgres"]];
        self.dev(&command.concat()).await.map(drop)
    }

    /// Starts a server and waits until it can be used.
    pub async fn start(&self, server: Part) -> anyhow::Result<()> {
        self.dev(&["start", &server.to_string()]).await.map(drop)
    }

    /// Stops it in good order.
    pub async fn stop(&self, server: Part) -> anyhow::Result<()> {
        self.dev(&["stop", &server.to_string()]).await.map(drop)
    }

    /// Stops it and its children (SIGSTOP): they keep their connections and answer nobody.
    pub fn freeze(&self, server: Part) -> anyhow::Result<Frozen> {
        let pid = self.pid(server)?;
        Frozen::with_children(pid).with_context(|| format!("{server} does not run"))
    }

    /// Kills it and its children (SIGKILL), and waits for their end. Not by `./dev`, which would first
    /// wait for whatever else it is about.
    pub async fn kill(&self, server: Part) -> anyhow::Result<()> {
        let pid = self.pid(server)?;
        self.freeze(server)?.kill();
        let gone = until(PATIENCE, || async { !is_alive(pid) }).await;
        anyhow::ensure!(gone, "{server} does not end even when killed");
        Ok(())
    }

    fn pid(&self, server: Part) -> anyhow::Result<i32> {
        let path = self.dir.join(format!("run/{server}.pid"));
        let text = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
        let pid = text.split_whitespace().next().unwrap_or_default();
        Ok(pid.parse()?)
    }

    /// Runs RabbitMQ's tool on a node; on any that runs where it is not named.
    pub async fn rabbitmqctl(
        &self,
        node: Option<Part>,
        arguments: &[&str],
    ) -> anyhow::Result<String> {
        let node = node.map(|node| node.to_string());
        let node = node.as_deref().map_or(vec![], |node| vec!["-n", node]);
        let command = [&["rabbitmqctl"], node.as_slice(), &["-q"], arguments];
        self.dev(&command.concat()).await
    }

    /// Runs `./dev` on the instance and returns what it wrote to its standard output.
    async fn dev(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let what = arguments.join(" ");
        let running = Command::new(&self.dev)
            .env("TIDINGS_DEV_DIR", &self.dir)
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = timeout(PATIENCE, running)
            .await
            .with_context(|| format!("`./dev {what}` did not end"))?
            .with_context(|| format!("{} cannot be run", self.dev.display()))?;
        let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
        anyhow::ensure!(
            output.status.success(),
            "`./dev {what}` failed: {}",
            text(&output.stderr)
        );
        Ok(text(&output.stdout))
    }
}

/// Whether there is such a process that has not ended.
fn is_alive(pid: i32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    // The name in parentheses may contain anything.
    let state = stat.rsplit_once(')').map_or("", |(_, rest)| rest.trim());
    !state.starts_with(['Z', 'X'])
}
