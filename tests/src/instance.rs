use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::Url;
use uuid::Uuid;

use crate::frozen::Frozen;
use crate::servers::required;

/// The test's own servers, created by `./dev` in their own folder and deleted when this is dropped.
pub(crate) struct Instance {
    dir: PathBuf,
    /// For an instance that other tests use before and after this one: a lock, so that no two use it at once.
    turn: Option<File>,
}

impl Instance {
    /// Names the folder of a new instance, in which nothing runs.
    pub(crate) fn new(kind: &str) -> Self {
        let name = format!("{kind}-{}", Uuid::new_v4().simple());
        Self {
            dir: private_dir().join(name),
            turn: None,
        }
    }

    /// Takes an instance that no other test uses now. What an earlier test that passed has left still runs, or can be started
    /// again: the start of a broker takes ten seconds of a processor. What other tests have left is deleted first.
    ///
    /// When this is dropped, the instance stays for the next test, unless this one panics. At its end, `./dev test` deletes
    /// it.
    pub(crate) fn reused(kind: &str) -> Self {
        let private = private_dir();
        let locked = (1..).find_map(|number| {
            let name = format!("{kind}-reused-{number}");
            let lock = File::create(private.join(format!("{name}.lock"))).expect("a lock file");
            lock.try_lock().ok().map(|()| (name, lock))
        });
        let (name, lock) = locked.expect("there are enough numbers");
        let instance = Self {
            dir: private.join(name),
            turn: Some(lock),
        };
        // A test that is killed leaves no such file, and perhaps a server that hangs.
        if fs::remove_file(instance.reusable()).is_err() && instance.dir.exists() {
            instance.purge();
        }
        instance
    }

    /// A file beside the folder that says that a test has left the instance as it should be for the next one.
    fn reusable(&self) -> PathBuf {
        self.dir.with_extension("reusable")
    }

    /// Returns the folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes a file into the folder. Returns its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.dir.join(name);
        fs::write(&path, content).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    }

    /// Runs `./dev` on the instance. Returns its standard output.
    pub(crate) async fn dev(&self, arguments: &[&str]) -> String {
        let mut command = dev(&self.dir, arguments);
        let running = tokio::task::spawn_blocking(move || {
            let output = command.output().expect("./dev runs");
            assert!(output.status.success(), "{command:?}: {output:?}");
            output.stdout
        });
        let output = running.await.expect("./dev succeeds");
        String::from_utf8(output).expect("text")
    }

    /// Returns the URLs in a variable of the instance's `env` file.
    pub(crate) fn urls(&self, name: &str) -> Vec<Url> {
        let path = self.dir.join("env");
        let variables = fs::read_to_string(&path).expect("the instance's variables");
        let value = variables
            .lines()
            .find_map(|line| {
                let (its_name, value) = line.strip_prefix("export ")?.split_once('=')?;
                (its_name == name).then(|| value.trim_matches('\''))
            })
            .unwrap_or_else(|| panic!("no {name} in {}", path.display()));
        let urls = value.split(',').map(|url| url.parse().expect("a URL"));
        urls.collect()
    }

    /// Returns the URL in a variable of the instance's `env` file.
    pub(crate) fn url(&self, name: &str) -> Url {
        self.urls(name).swap_remove(0)
    }

    /// Freezes a server (SIGSTOP): it keeps its connections but does not respond.
    pub(crate) async fn freeze(&self, name: &str) -> Frozen {
        let status = self.dev(&["status"]).await;
        let mut lines = status.lines().map(str::split_whitespace);
        let line = lines.find_map(|mut words| (words.next() == Some(name)).then_some(words));
        let pid = line.and_then(|mut words| words.nth(1)?.parse().ok());
        let pid: i32 = pid.unwrap_or_else(|| panic!("{name} does not run:\n{status}"));
        Frozen::with_children(pid).expect("it runs")
    }

    /// Stops the servers and deletes the folder.
    fn purge(&self) {
        let output = dev(&self.dir, &["down", "--purge"]).output();
        // A panic in a drop could abort the test. `./dev test` deletes what is left.
        if !output.as_ref().is_ok_and(|output| output.status.success()) {
            eprintln!("not cleaned up: {}: {output:?}", self.dir.display());
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if self.turn.is_none() || std::thread::panicking() {
            self.purge();
        } else if let Err(error) = fs::write(self.reusable(), "") {
            eprintln!("not used again: {}: {error}", self.dir.display());
        }
    }
}

fn private_dir() -> PathBuf {
    PathBuf::from(required("TIDINGS_TEST_PRIVATE_DIR"))
}

fn dev(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(required("TIDINGS_DEV"));
    command.env("TIDINGS_DEV_DIR", dir).args(arguments);
    command
}
