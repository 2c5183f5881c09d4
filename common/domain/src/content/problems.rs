use std::fmt::Display;

/// The most problems of one kind that [`FieldProblems`] keeps, so that a body full of mistakes needs no
/// more memory than the body itself.
pub const MAX_PER_KIND: usize = 50;

/// The kinds of [`FieldProblem`], in the order in which an error lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// A required field is absent.
    Missing,
    /// A field has a wrong value.
    Invalid,
    /// The object has no field of this name.
    Unknown,
    /// A field occurs more than once.
    Repeated,
}

impl ProblemKind {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Missing, Self::Invalid, Self::Unknown, Self::Repeated];
}

/// What is wrong with one field of a JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field's path, such as `payload.subject`.
    pub field: String,
    /// What is wrong with the field and what would be right.
    pub message: String,
    /// The kind of the problem.
    pub kind: ProblemKind,
}

/// Collects everything that is wrong with a JSON object and the objects in it, in the order in which
/// the problems are found. Every method takes the field's full path.
#[derive(Clone, Debug, Default)]
pub struct FieldProblems {
    problems: Vec<FieldProblem>,
    counts: [usize; ProblemKind::ALL.len()],
}

impl FieldProblems {
    /// Adds a required field that is absent.
    pub fn missing(&mut self, field: impl Into<String>) {
        self.missing_with(field, "is required");
    }

    /// Adds an absent field that is not always required. `message` says when it is.
    pub fn missing_with(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.push(ProblemKind::Missing, field, message);
    }

    /// Adds a field with a wrong value.
    pub fn invalid(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.push(ProblemKind::Invalid, field, message);
    }

    /// Adds a field that an `object`, such as `template`, does not have.
    pub fn unknown(&mut self, field: impl Into<String>, object: &str) {
        let message = format!("is not a field of a {object}");
        self.push(ProblemKind::Unknown, field, message);
    }

    /// Adds a field that occurs more than once.
    pub fn repeated(&mut self, field: impl Into<String>) {
        self.push(ProblemKind::Repeated, field, "is given more than once");
    }

    /// Returns the value that was read, or adds the error as an invalid field.
    pub fn check<T, E: Display>(&mut self, field: &str, read: Result<T, E>) -> Option<T> {
        read.map_err(|error| self.invalid(field, error.to_string()))
            .ok()
    }

    /// Adds problems that were collected elsewhere.
    pub fn extend(&mut self, problems: Vec<FieldProblem>) {
        for problem in problems {
            self.push(problem.kind, problem.field, problem.message);
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// The problems, in the order in which they were added.
    #[must_use]
    pub fn into_vec(self) -> Vec<FieldProblem> {
        self.problems
    }

    fn push(&mut self, kind: ProblemKind, field: impl Into<String>, message: impl Into<String>) {
        let count = &mut self.counts[kind as usize];
        if *count < MAX_PER_KIND {
            *count += 1;
            self.problems.push(FieldProblem {
                field: field.into(),
                message: message.into(),
                kind,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_kept_in_the_order_in_which_they_are_added() {
        let mut problems = FieldProblems::default();
        assert!(problems.is_empty());
        problems.repeated("type");
        problems.missing("payload");
        assert_eq!(problems.check("limit", "7".parse::<u8>()), Some(7));
        assert_eq!(problems.check("limit", Err::<u8, _>("is wrong")), None);
        problems.unknown("color", "notification");
        let found: Vec<_> = problems
            .into_vec()
            .into_iter()
            .map(|problem| (problem.kind, problem.field, problem.message))
            .collect();
        let expected = [
            (ProblemKind::Repeated, "type", "is given more than once"),
            (ProblemKind::Missing, "payload", "is required"),
            (ProblemKind::Invalid, "limit", "is wrong"),
            (
                ProblemKind::Unknown,
                "color",
                "is not a field of a notification",
            ),
        ];
        assert_eq!(
            found,
            expected.map(|(kind, field, message)| (kind, field.to_owned(), message.to_owned()))
        );
    }

    #[test]
    fn each_kind_is_kept_up_to_its_limit() {
        let mut problems = FieldProblems::default();
        for nth in 0..1000 {
            problems.unknown(nth.to_string(), "test");
        }
        problems.missing("text");
        let problems = problems.into_vec();
        assert_eq!(problems.len(), MAX_PER_KIND + 1);
        assert_eq!(problems[MAX_PER_KIND].field, "text");
    }
}
