use std::path::PathBuf;

use crate::instance::Instance;

/// A Prometheus that `./dev` starts on an instance in which nothing else runs.
pub struct ObservedInstance {
    instance: Instance,
    url: String,
}

impl ObservedInstance {
    /// Starts it.
    pub async fn start() -> Self {
        let instance = Instance::new("observed");
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
