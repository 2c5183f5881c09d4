use tidings_domain::content::{FieldProblem, FieldProblems, ProblemKind};

/// The most fields that an error's message names; its problems are more.
const MAX_NAMES: usize = 10;

/// Why a JSON text is not the object that it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidObject {
    /// The text is not a JSON object. The message names the text and may quote it.
    #[error("{0}")]
    NotAnObject(String),
    /// Fields of the object are wrong: at least one, grouped by the kind of problem.
    #[error("{}", sentences(.0))]
    Fields(Vec<FieldProblem>),
    /// A field could not be read, and no problem was reported: a defect of the program.
    #[error("a field could not be read and no problem was reported")]
    Unreported,
}

impl InvalidObject {
    /// The error for a JSON text, called `source` in the message, that is not a JSON object.
    #[must_use]
    pub fn not_an_object(error: &serde_json::Error, source: &str) -> Self {
        Self::NotAnObject(match error.classify() {
            serde_json::error::Category::Data => format!("{source} must be a JSON object: {error}"),
            _ => format!("{source} is not JSON: {error}"),
        })
    }

    /// Turns the problems of an object into one error, in which they are grouped by their kind.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidObject::Fields`] if there is any problem.
    pub fn check(problems: FieldProblems) -> Result<(), Self> {
        let mut problems = problems.into_vec();
        if problems.is_empty() {
            return Ok(());
        }
        // Stable, so that the problems of one kind stay in the order in which they were found.
        problems.sort_by_key(|problem| problem.kind);
        Err(Self::Fields(problems))
    }

    /// The stable code of the error. It names the kind of the problems, and is `invalid_request` if there are several
    /// kinds.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAnObject(_) => "invalid_json",
            Self::Fields(problems) => {
                let mut kinds = problems.iter().map(|problem| problem.kind);
                let first = kinds.next().unwrap_or(ProblemKind::Invalid);
                if kinds.all(|kind| kind == first) {
                    code_and_title(first).0
                } else {
                    "invalid_request"
                }
            }
            Self::Unreported => "internal_error",
        }
    }

    /// The problems of the fields.
    #[must_use]
    pub fn into_problems(self) -> Vec<FieldProblem> {
        match self {
            Self::Fields(problems) => problems,
            Self::NotAnObject(_) | Self::Unreported => Vec::new(),
        }
    }
}

/// A sentence for each kind of problem, which names the first fields.
fn sentences(problems: &[FieldProblem]) -> String {
    let groups = problems.chunk_by(|one, other| one.kind == other.kind);
    let sentence = |group: &[FieldProblem]| {
        let title = group
            .first()
            .map_or("", |first| code_and_title(first.kind).1);
        let names = group.iter().take(MAX_NAMES);
        let names: Vec<&str> = names.map(|problem| problem.field.as_str()).collect();
        format!("{title}: {}", names.join(", "))
    };
    groups.map(sentence).collect::<Vec<_>>().join(". ")
}

const fn code_and_title(kind: ProblemKind) -> (&'static str, &'static str) {
    match kind {
        ProblemKind::Missing => ("missing_fields", "Missing required fields"),
        ProblemKind::Invalid => ("invalid_fields", "Invalid fields"),
        ProblemKind::Unknown => ("unknown_fields", "Unknown fields"),
        ProblemKind::Repeated => ("repeated_fields", "Repeated fields"),
    }
}
