//! Prints results and errors, as text or as JSON.

use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::{Value, json};
pub use tidings_domain::count;
use tidings_settings::{EXIT_CONFIG, SettingProblems};

const EXIT_FAILURE: i32 = 1;
const EXIT_USAGE: i32 = 2;

/// The result of a command.
#[derive(Debug)]
pub struct CommandOutput {
    /// The result as text; may be empty.
    pub text: String,
    /// The result as JSON.
    pub json: Value,
    /// The exit code.
    pub code: i32,
}

impl CommandOutput {
    /// A result with the exit code 0.
    pub fn new(text: impl Into<String>, json: impl Serialize) -> anyhow::Result<Self> {
        Ok(Self {
            text: text.into(),
            json: serde_json::to_value(json)?,
            code: 0,
        })
    }

    /// The same result, with the exit code 1 unless `success`.
    pub fn success_if(mut self, success: bool) -> Self {
        self.code = if success { 0 } else { EXIT_FAILURE };
        self
    }

    /// The same result, with the exit code for wrong settings unless `valid`.
    pub fn valid_settings_if(mut self, valid: bool) -> Self {
        self.code = if valid { 0 } else { EXIT_CONFIG.into() };
        self
    }
}

/// The arguments contradict each other in a way that clap cannot check.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUsage(pub &'static str);

/// Prints the result or the error. Returns the exit code.
pub fn show(outcome: anyhow::Result<CommandOutput>, as_json: bool) -> i32 {
    match outcome {
        Ok(report) => {
            let text = if as_json {
                format!("{:#}\n", report.json)
            } else {
                report.text
            };
            match print(&text) {
                Ok(()) => report.code,
                Err(_) => EXIT_FAILURE,
            }
        }
        Err(error) => {
            let message = describe(&error);
            if as_json {
                eprintln!("{}", json!({ "error": message }));
            } else {
                eprintln!("tidings: {message}");
            }
            if error.is::<SettingProblems>() {
                EXIT_CONFIG.into()
            } else if error.is::<WrongUsage>() {
                EXIT_USAGE
            } else {
                EXIT_FAILURE
            }
        }
    }
}

/// Prints to standard output. A reader that stops early (`| head`) is no error.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// An error with its causes. Omits a cause that the text before it already contains.
pub fn describe(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            let _ = write!(text, ": {cause}");
        }
    }
    text
}

/// Builds text of several lines.
#[derive(Debug, Default)]
pub struct Text(String);

impl Text {
    /// Adds a line.
    pub fn line(&mut self, line: impl Display) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "{line}");
    }

    /// Adds lines, each of which ends with a line break.
    pub fn lines(&mut self, lines: &str) {
        self.0.push_str(lines);
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

/// Rows of cells as lines, each column as wide as its widest cell.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths);
        let line: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Escapes the control characters of text from a message, so that it cannot control the terminal, and puts it on
/// one line.
pub fn printable(text: &str) -> String {
    escape(text, |_| false)
}

/// Like [`printable`], but keeps line breaks and tabs.
pub fn printable_lines(text: &str) -> String {
    escape(text, |c| c == '\n' || c == '\t')
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && !keep(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_cause_that_is_already_quoted_is_not_repeated() {
        let error = Err::<(), _>(io::Error::other("refused"))
            .context("cannot connect: refused")
            .context("no tokens")
            .expect_err("an error");
        assert_eq!(describe(&error), "no tokens: cannot connect: refused");
    }

    #[test]
    fn columns_are_aligned_by_characters() {
        let rows = [
            vec!["ä".into(), "b".into()],
            vec!["long".into(), "c".into()],
        ];
        assert_eq!(table(&rows), "ä     b\nlong  c\n");
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(printable("a\x1b[2J\n"), "a\\u{1b}[2J\\n");
        assert_eq!(printable_lines("a\x1b\n"), "a\\u{1b}\n");
    }
}
