use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// The log lines of a program. Clones share them.
#[derive(Clone, Default)]
pub struct Logs {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Logs {
    /// Collects the lines of `output` on a thread that ends with `output`.
    pub(crate) fn follow(&self, output: impl Read + Send + 'static) {
        let lines = Arc::clone(&self.lines);
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while output.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                lines.lock().expect("not poisoned").push(text);
                line.clear();
            }
        });
    }

    /// Returns all lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("not poisoned").clone()
    }

    /// Returns all entries so far: the lines that are JSON.
    #[must_use]
    pub fn entries(&self) -> Vec<Value> {
        let parsed = |line: String| serde_json::from_str(&line).ok();
        self.lines().into_iter().filter_map(parsed).collect()
    }

    /// Returns the entries with this message.
    #[must_use]
    pub fn with_message(&self, message: &str) -> Vec<Value> {
        let mut entries = self.entries();
        entries.retain(|entry| entry["message"] == message);
        entries
    }

    /// Returns the number of lines that contain `text`.
    #[must_use]
    pub fn count(&self, text: &str) -> usize {
        let lines = self.lines();
        lines.iter().filter(|line| line.contains(text)).count()
    }

    /// Returns the last `n` lines.
    #[must_use]
    pub fn tail(&self, n: usize) -> String {
        let lines = self.lines();
        lines[lines.len().saturating_sub(n)..].join("\n")
    }
}
