use std::fmt;

/// A part of a message that a template writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// An e-mail's subject, a push message's title.
    Subject,
    /// The text.
    Text,
    /// An e-mail's HTML part.
    Html,
}

impl Part {
    /// Its name in requests and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Text => "text",
            Self::Html => "html",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a template gave no message. Its words quote the template, never a variable's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderError {
    /// Where.
    pub part: Part,
    /// Its line, from 1, where it is known.
    pub line: Option<usize>,
    /// What.
    pub problem: Problem,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is no template, in these words.
    #[error("{0}")]
    Syntax(String),
    /// It uses this variable, which is not there.
    #[error("the variable {0} is missing")]
    MissingVariable(String),
    /// It asks for more work than a message may cost.
    #[error("it costs more work than a message may; are its loops or its variables too large?")]
    TooCostly,
    /// It says more than this many bytes.
    #[error("it would have more than {0} bytes")]
    TooLong(usize),
    /// An expression cannot be computed with these variables.
    #[error("{0}")]
    Failed(String),
}

impl Problem {
    /// Stable, for programs.
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
