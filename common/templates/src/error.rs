//! Errors of templates.

use std::fmt;

/// A part of a message that a template renders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplatePart {
    /// The subject of an e-mail, or the title of a push message.
    Subject,
    /// The text.
    Text,
    /// The HTML part of an e-mail.
    Html,
}

impl TemplatePart {
    /// The name in requests and responses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Text => "text",
            Self::Html => "html",
        }
    }
}

impl fmt::Display for TemplatePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a template cannot be rendered. The message may quote the template, but never the value of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderError {
    /// The part with the problem.
    pub part: TemplatePart,
    /// The line, counted from 1, if known.
    pub line: Option<usize>,
    /// The column in this line, in characters, counted from 1, if known.
    pub column: Option<usize>,
    /// The problem.
    pub problem: TemplateProblem,
}

/// A problem with a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateProblem {
    /// A syntax error, with the message of the engine.
    #[error("{0}")]
    Syntax(String),
    /// This variable is missing.
    #[error("the variable {0} is missing")]
    MissingVariable(String),
    /// Rendering costs more work than the limit.
    #[error("it costs more work than a message may; are its loops or its variables too large?")]
    TooCostly,
    /// The output is longer than this number of bytes.
    #[error("it would have more than {0} bytes")]
    TooLong(usize),
    /// An expression cannot be computed with these variables.
    #[error("{0}")]
    Failed(String),
}

impl TemplateProblem {
    /// A stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "syntax_error",
            Self::MissingVariable(_) => "missing_variable",
            Self::TooCostly => "too_costly",
            Self::TooLong(_) => "too_long",
            Self::Failed(_) => "failed",
        }
    }
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.part, self.problem),
            None => write!(f, "{}: {}", self.part, self.problem),
        }
    }
}

impl std::error::Error for RenderError {}
