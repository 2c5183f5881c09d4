use tidings_common::content::FieldProblem;

use super::members::Members;
use crate::error::{ApiError, Detail};

/// What is wrong with a body, by kind.
#[derive(Default)]
pub struct Problems {
    missing: Vec<Detail>,
    invalid: Vec<Detail>,
    unknown: Vec<Detail>,
    repeated: Vec<Detail>,
}

impl Problems {
    /// A typo must not be swallowed, and of two values of one field neither is surely meant. `place` is
    /// what stands before the names in a field's path, and `whole` what they are fields of.
    pub fn check_names(&mut self, members: &Members<'_>, known: &[&str], place: &str, whole: &str) {
        for (index, (name, _)) in members.0.iter().enumerate() {
            let shown: String = name.chars().take(100).collect();
            let shown = format!("{place}{shown}");
            if !known.contains(&&**name) {
                let message = format!("is not a field of a {whole}");
                self.unknown.push(Detail::new(shown, message));
            } else if members.0[..index]
                .iter()
                .any(|(earlier, _)| earlier == name)
            {
                self.repeated
                    .push(Detail::new(shown, "is given more than once"));
            }
        }
    }

    /// Notes that a field that must be there is not.
    pub fn missing(&mut self, field: &str) {
        self.missing.push(Detail::new(field, "is required"));
    }

    /// Notes that a field is wrong.
    pub fn invalid(&mut self, field: &str, message: impl Into<String>) {
        self.invalid.push(Detail::new(field, message));
    }

    /// What was read, or the note that it is wrong.
    pub fn keep<T>(&mut self, field: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|message| self.invalid(field, message)).ok()
    }

    /// Notes what is wrong with a payload.
    pub fn of_payload(&mut self, problems: Vec<FieldProblem>) {
        for FieldProblem {
            field,
            message,
            missing,
        } in problems
        {
            let list = if missing {
                &mut self.missing
            } else {
                &mut self.invalid
            };
            list.push(Detail::new(field, message));
        }
    }

    /// Refuses where there is any.
    pub fn none(self) -> Result<(), ApiError> {
        let kinds = [
            ("missing_fields", "Missing required fields", self.missing),
            ("invalid_fields", "Invalid fields", self.invalid),
            ("unknown_fields", "Unknown fields", self.unknown),
            ("repeated_fields", "Repeated fields", self.repeated),
        ];
        let mut code = None;
        let mut sentences = Vec::new();
        let mut details = Vec::new();
        for (kind, words, mut found) in kinds {
            if found.is_empty() {
                continue;
            }
            // Several kinds at once have a code of their own.
            code = Some(code.map_or(kind, |_| "invalid_request"));
            let names: Vec<&str> = found
                .iter()
                .take(10)
                .map(|detail| detail.field.as_str())
                .collect();
            sentences.push(format!("{words}: {}", names.join(", ")));
            details.append(&mut found);
        }
        code.map_or(Ok(()), |code| {
            Err(ApiError::bad_request(code, sentences.join(". "), details))
        })
    }
}
