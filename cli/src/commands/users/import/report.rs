use serde::Serialize;
use serde_json::json;

use crate::output::{CommandOutput, Text, printable};

/// The most problems that the JSON lists. All of them are printed on standard error.
const MAX_LISTED: usize = 1000;

/// What has been imported.
#[derive(Debug)]
pub struct ImportReport {
    /// Valid lines.
    pub read: u64,
    /// Users that are new.
    pub created: u64,
    /// Lines that are left out.
    pub failed: u64,
    problems: Vec<LineProblem>,
    /// The first line that may not be stored.
    next_line: u64,
}

#[derive(Debug, Serialize)]
struct LineProblem {
    line: u64,
    field: String,
    problem: String,
}

impl ImportReport {
    /// Nothing has been imported from this line on.
    pub const fn new(from_line: u64) -> Self {
        Self {
            read: 0,
            created: 0,
            failed: 0,
            problems: Vec::new(),
            next_line: from_line,
        }
    }

    /// Prints what is wrong with a line.
    pub fn problem(&mut self, line: u64, field: &str, problem: &str) {
        let (field, problem) = (printable(field), printable(problem));
        eprintln!("line {line}: {field}: {problem}");
        if self.problems.len() < MAX_LISTED {
            self.problems.push(LineProblem {
                line,
                field,
                problem,
            });
        }
    }

    /// All users up to this line are stored or left out.
    pub const fn stored_until(&mut self, line: u64) {
        self.next_line = line + 1;
    }

    /// The line from which an import can go on.
    pub const fn next_line(&self) -> u64 {
        self.next_line
    }

    /// How many users there were, as text.
    pub fn counts(&self) -> String {
        format!(
            "{} lines read, {} users created, {} lines left out",
            self.read, self.created, self.failed
        )
    }

    /// The result. The exit code is 1 if lines were left out, or if the import was stopped.
    pub fn output(self, stopped: bool) -> anyhow::Result<CommandOutput> {
        let mut text = Text::default();
        text.line(self.counts());
        if stopped {
            let next = self.next_line;
            text.line(format_args!("Stopped; go on with --from-line {next}"));
        }
        let json = json!({
            "read": self.read,
            "created": self.created,
            "failed": self.failed,
            "problems": self.problems,
            "nextLine": stopped.then_some(self.next_line),
        });
        let output = CommandOutput::new(text, json)?;
        Ok(output.success_if(self.failed == 0 && !stopped))
    }
}
