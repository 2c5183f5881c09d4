//! How results and errors reach whoever asked.

use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::{Value, json};
use tidings_settings::{EXIT_CONFIG, Problems};

const EXIT_FAILURE: i32 = 1;
const EXIT_USAGE: i32 = 2;

/// What a command has to say, in both forms.
#[derive(Debug)]
pub struct Report {
    /// For people; empty where there is nothing to say.
    pub text: String,
    /// For programs.
    pub json: Value,
    /// The exit code.
    pub code: i32,
}

impl Report {
    /// All is well.
    pub fn fine(text: impl Into<String>, json: impl Serialize) -> anyhow::Result<Self> {
        Ok(Self {
            text: text.into(),
            json: serde_json::to_value(json)?,
            code: 0,
        })
    }

    /// The same, where something was found or left undone unless `fine`.
    pub fn fine_if(mut self, fine: bool) -> Self {
        self.code = if fine { 0 } else { EXIT_FAILURE };
        self
    }

    /// Exits with the code for wrong settings unless `fine`.
    pub fn right_settings_if(mut self, fine: bool) -> Self {
        self.code = if fine { 0 } else { EXIT_CONFIG.into() };
        self
    }
}

/// The command was called in a way that cannot work, which the definition of the arguments cannot
/// tell.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUsage(pub &'static str);

/// Prints the outcome. Returns the exit code.
pub fn show(outcome: anyhow::Result<Report>, as_json: bool) -> i32 {
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
            if error.is::<Problems>() {
                EXIT_CONFIG.into()
            } else if error.is::<WrongUsage>() {
                EXIT_USAGE
            } else {
                EXIT_FAILURE
            }
        }
    }
}

/// Prints to standard output. Whoever reads only the beginning (`| head`) has what they wanted.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// An error with its causes, leaving out a cause that the text before it quotes already.
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

/// Text for people in the making.
#[derive(Debug, Default)]
pub struct Text(String);

impl Text {
    /// Adds a line.
    pub fn line(&mut self, line: impl Display) {
        // To memory, which has no way to fail.
        let _ = writeln!(self.0, "{line}");
    }

    /// Adds lines that end as lines do.
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

/// Rows of cells as text, each column as wide as its widest cell.
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

/// Text from elsewhere on one line, its control characters escaped: a message must not be able to
/// steer the terminal of whoever looks at it.
pub fn printable(text: &str) -> String {
    escape(text, |_| false)
}

/// The same for text of several lines.
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

/// `1 dead letter`, `2 dead letters`.
pub fn count(n: usize, singular: &str) -> String {
    let ending = if n == 1 { "" } else { "s" };
    format!("{n} {singular}{ending}")
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_cause_that_is_quoted_already_is_not_repeated() {
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
            vec!["lang".into(), "c".into()],
        ];
        assert_eq!(table(&rows), "ä     b\nlang  c\n");
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(printable("a\x1b[2J\n"), "a\\u{1b}[2J\\n");
        assert_eq!(printable_lines("a\x1b\n"), "a\\u{1b}\n");
    }
}
