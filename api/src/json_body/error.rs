use tidings_domain::content::{FieldProblem, FieldProblems, ProblemKind};

use crate::error::{ApiError, ErrorDetail};

/// The most fields that an error's message names; `details` lists more.
const MAX_NAMES: usize = 10;

/// Turns the problems of a body into one error: the details and the sentences of the message are
/// grouped by the kind of problem.
///
/// # Errors
///
/// Returns 400 if there is any problem. The code names the kind of the problems, and is
/// `invalid_request` if there are several kinds.
pub fn check(problems: FieldProblems) -> Result<(), ApiError> {
    let problems = problems.into_vec();
    let mut code = None;
    let mut sentences = Vec::new();
    let mut details = Vec::with_capacity(problems.len());
    for kind in ProblemKind::ALL {
        let found = || problems.iter().filter(|problem| problem.kind == kind);
        if found().next().is_none() {
            continue;
        }
        let (kind_code, title) = code_and_title(kind);
        code = Some(code.map_or(kind_code, |_| "invalid_request"));
        let names: Vec<&str> = found()
            .take(MAX_NAMES)
            .map(|problem| problem.field.as_str())
            .collect();
        sentences.push(format!("{title}: {}", names.join(", ")));
        details.extend(
            found().map(|FieldProblem { field, message, .. }| ErrorDetail::new(field, message)),
        );
    }
    code.map_or(Ok(()), |code| {
        Err(ApiError::bad_request(code, sentences.join(". "), details))
    })
}

const fn code_and_title(kind: ProblemKind) -> (&'static str, &'static str) {
    match kind {
        ProblemKind::Missing => ("missing_fields", "Missing required fields"),
        ProblemKind::Invalid => ("invalid_fields", "Invalid fields"),
        ProblemKind::Unknown => ("unknown_fields", "Unknown fields"),
        ProblemKind::Repeated => ("repeated_fields", "Repeated fields"),
    }
}

/// The error for a JSON text, called `source` in the message, that is not a JSON object.
pub fn not_an_object(error: &serde_json::Error, source: &str) -> ApiError {
    let message = match error.classify() {
        serde_json::error::Category::Data => format!("{source} must be a JSON object: {error}"),
        _ => format!("{source} is not JSON: {error}"),
    };
    ApiError::bad_request("invalid_json", message, Vec::new())
}
