use std::path::PathBuf;

use crate::instance::Instance;
use crate::program::Program;

/// A Prometheus that `./dev` starts. It scrapes programs that the test has started.
pub struct ObservedInstance {
    instance: Instance,
    url: String,
}

impl ObservedInstance {
    /// Starts it for an API and a worker.
    pub async fn start(api: &Program, worker: &Program) -> Self {
        let instance = Instance::new("observed");
        std::fs::create_dir_all(instance.dir()).expect("a folder");
        instance.file(".made-by-tidings-dev", "");
        // As if `./dev up` had started them.
        let ports = [("API_PORT", api), ("WORKER_PORT", worker)];
        let ports = ports.map(|(name, program)| format!("[{name}]={}", program.port()));
        let settings = format!("declare -gA settings=({})\n", ports.join(" "));
        instance.file("settings", &settings);
        instance.dev(&["start", "prometheus"]).await;
        let status = instance.dev(&["status"]).await;
        let mut lines = status.lines().filter(|line| line.starts_with("prometheus"));
        let line = lines
            .next()
            .unwrap_or_else(|| panic!("not started:\n{status}"));
        let url = line
            .split_whitespace()
            .last()
            .expect("the address")
            .to_owned();
        Self { instance, url }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it and deletes its data. Returns the folder that they were in.
    pub async fn end(self) -> PathBuf {
        self.instance.dev(&["down", "--purge"]).await;
        self.instance.dir().to_owned()
    }
}
