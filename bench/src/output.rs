//! Prints results and errors.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;
use tidings_settings::{EXIT_CONFIG, SettingProblems};

/// The result of a measurement.
#[derive(Debug)]
pub struct MeasurementResult {
    text: String,
    json: Value,
    passed: bool,
}

impl MeasurementResult {
    /// `passed` is false if a target is missed, which makes the exit code 1.
    ///
    /// # Errors
    ///
    /// Returns an error if `results` are not JSON.
    pub fn new(text: String, results: impl Serialize, passed: bool) -> anyhow::Result<Self> {
        let json = serde_json::to_value(results)?;
        Ok(Self { text, json, passed })
    }

    /// Prints the text to standard output and writes the results to `json`. Returns whether the measurement
    /// passed.
    ///
    /// # Errors
    ///
    /// Returns an error if the file or standard output cannot be written.
    pub fn print(self, json: Option<&Path>) -> anyhow::Result<bool> {
        if let Some(path) = json {
            std::fs::write(path, format!("{:#}\n", self.json))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        io::stdout()
            .write_all(self.text.as_bytes())
            .context("cannot write to standard output")?;
        Ok(self.passed)
    }
}

/// Prints an error, and returns the exit code.
pub fn exit_code(passed: anyhow::Result<bool>) -> ExitCode {
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("tidings-bench: {error:#}");
            if error.is::<SettingProblems>() {
                ExitCode::from(EXIT_CONFIG)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
