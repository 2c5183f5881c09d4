use tidings_domain::content::FieldProblem;

use super::members::Members;
use crate::error::{ApiError, Detail, MAX_DETAILS};

/// What is wrong with a body, by kind: of each only as much as is told, so that a body full of mistakes
/// takes no more memory than a body.
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
        let mut seen = vec![false; known.len()];
        for (name, _) in &members.0 {
            match known.iter().position(|known| known == name) {
                None => self.unknown(name, place, whole),
                Some(field) if seen[field] => self.repeated(name, place),
                Some(field) => seen[field] = true,
            }
        }
    }

    /// Notes that there is no such field; as in [`Problems::check_names`].
    pub fn unknown(&mut self, name: &str, place: &str, whole: &str) {
        let note = || Detail::new(path(place, name), format!("is not a field of a {whole}"));
        push(&mut self.unknown, note);
    }

    /// Notes that a field is given once more; as in [`Problems::check_names`].
    pub fn repeated(&mut self, name: &str, place: &str) {
        let note = || Detail::new(path(place, name), "is given more than once");
        push(&mut self.repeated, note);
    }

    /// Notes that a field that must be there is not.
    pub fn missing(&mut self, field: &str) {
        push(&mut self.missing, || Detail::new(field, "is required"));
    }

    /// Notes that a field is wrong.
    pub fn invalid(&mut self, field: &str, message: impl Into<String>) {
        push(&mut self.invalid, || Detail::new(field, message));
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
            push(list, || Detail::new(field, message));
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

fn push(list: &mut Vec<Detail>, note: impl FnOnce() -> Detail) {
    if list.len() < MAX_DETAILS {
        list.push(note());
    }
}

/// A field's path, of whose name only the beginning is told.
fn path(place: &str, name: &str) -> String {
    let shown: String = name.chars().take(100).collect();
    format!("{place}{shown}")
}
