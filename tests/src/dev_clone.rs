use std::path::Path;
use std::process::{Output, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use crate::instance::Instance;
use crate::servers::required;

/// Reads the functions of `./dev`. Each clone has a registry of ports of its own, like the clones of two users: none
/// learns from it which ports another clone has chosen.
const FUNCTIONS: &str =
    r#"source "$TIDINGS_DEV" help >/dev/null; port_registry=$dev_dir.port-registry;"#;

/// Creates the folder of an instance with its ports and secrets. Starts nothing.
const PREPARE: &str = "open_dev_dir; configure_rabbitmq; postgres_password; rabbitmq_password;";

/// `./dev start NAME`, which waits for a line on its standard input after it has claimed the ports, before it starts
/// a process.
const HELD_START: &str = r#"
    exec {input}<&0
    for function in start_postgres start_rabbitmq launch_program; do
        eval "go_on_$(declare -f "$function")"
        eval "$function() { echo claimed; read -r _ <&$input; go_on_$function \"\$@\"; }"
    done
    cmd_start "$1"
"#;

/// The private servers and programs of one clone of the repository. Deleted when this is dropped.
pub struct DevClone {
    instance: Instance,
}

impl DevClone {
    /// Creates a clone that has chosen free ports, and in which nothing runs.
    pub async fn new() -> Self {
        let clone = Self::empty();
        clone.run(PREPARE).await;
        clone
    }

    fn empty() -> Self {
        let instance = Instance::new("clone");
        std::fs::create_dir_all(instance.dir()).expect("a folder");
        instance.file(".made-by-tidings-dev", "");
        instance.file("bin-dir", &required("TIDINGS_TEST_BIN_DIR"));
        Self { instance }
    }

    /// Creates another clone with the same ports.
    pub async fn with_same_ports(&self) -> Self {
        let clone = Self::empty();
        self.copy("ports", &clone);
        clone.run(PREPARE).await;
        clone
    }

    /// Creates another clone with the same ports and secrets.
    pub async fn with_same_secrets(&self) -> Self {
        let clone = Self::empty();
        for file in ["ports", "postgres.password", "rabbitmq.password"] {
            self.copy(file, &clone);
        }
        clone.run(PREPARE).await;
        self.copy("rabbitmq/home/.erlang.cookie", &clone);
        clone
    }

    fn copy(&self, file: &str, to: &Self) {
        let to = to.instance.dir().join(file);
        // The cookie is read-only.
        let _ = std::fs::remove_file(&to);
        std::fs::copy(self.instance.dir().join(file), to).expect("copied");
    }

    /// Returns the password of a server.
    #[must_use]
    pub fn password(&self, server: &str) -> String {
        let file = self.instance.dir().join(format!("{server}.password"));
        std::fs::read_to_string(file).expect("a password")
    }

    /// Runs `./dev start`.
    pub async fn start(&self, names: &[&str]) {
        self.instance.dev(&[&["start"], names].concat()).await;
    }

    /// Returns the URL in a variable of the clone's `env` file.
    #[must_use]
    pub fn url(&self, variable: &str) -> reqwest::Url {
        self.instance.url(variable)
    }

    /// Begins `./dev start NAME`. Returns once it has found its ports free and claimed them, before it starts a process.
    pub async fn claim(&self, name: &str) -> HeldStart {
        let mut child = script(self.instance.dir(), HELD_START, &[name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("bash");
        let mut line = String::new();
        let output = child.stdout.as_mut().expect("its output");
        BufReader::new(output)
            .read_line(&mut line)
            .await
            .expect("a line");
        assert_eq!(line, "claimed\n", "{:?}", child.wait_with_output().await);
        HeldStart { child }
    }

    async fn run(&self, commands: &str) {
        let output = script(self.instance.dir(), commands, &[]).output().await;
        let output = output.expect("bash");
        assert!(output.status.success(), "{commands}: {output:?}");
    }
}

/// A `./dev start` that has claimed its ports.
pub struct HeldStart {
    child: Child,
}

impl HeldStart {
    /// Lets it start its process. Returns how it ended.
    pub async fn go_on(mut self) -> Output {
        let mut input = self.child.stdin.take().expect("its input");
        input.write_all(b"\n").await.expect("written");
        self.child.wait_with_output().await.expect("its end")
    }
}

fn script(dir: &Path, commands: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("{FUNCTIONS}{commands}"), "dev"]);
    command.args(arguments).env("TIDINGS_DEV_DIR", dir);
    command
}
