use std::str::FromStr;

use serde_json::Value;

use super::Object;

/// What is wrong with one field of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field's path, such as `payload.subject`.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub message: String,
    /// Whether it is only that the field is not there.
    pub missing: bool,
}

/// Reads a payload's fields and notes everything that is wrong with them. A field that is `null` is not
/// there.
pub(super) struct Fields<'a> {
    object: &'a Object,
    problems: Vec<FieldProblem>,
}

impl<'a> Fields<'a> {
    pub(super) const fn of(object: &'a Object) -> Self {
        Self {
            object,
            problems: Vec::new(),
        }
    }

    pub(super) fn problem(&mut self, name: &str, message: impl Into<String>) {
        self.note(name, message.into(), false);
    }

    /// Notes that a field that must be there is not.
    pub(super) fn missing(&mut self, name: &str) {
        self.note(name, "is required".to_owned(), true);
    }

    fn note(&mut self, name: &str, message: String, missing: bool) {
        self.problems.push(FieldProblem {
            field: format!("payload.{name}"),
            message,
            missing,
        });
    }

    /// The first of `names` that is there, with its value. The other names are also taken for it.
    fn find(&self, names: &[&'static str]) -> Option<(&'static str, &'a Value)> {
        names.iter().find_map(|name| {
            let value = self.object.get(*name).filter(|value| !value.is_null())?;
            Some((*name, value))
        })
    }

    /// A value of any type.
    pub(super) fn value(&self, name: &'static str) -> Option<&'a Value> {
        self.find(&[name]).map(|(_, value)| value)
    }

    /// A text, where it is there.
    pub(super) fn text(&mut self, names: &[&'static str]) -> Option<&'a str> {
        let (name, value) = self.find(names)?;
        let text = value.as_str();
        if text.is_none() {
            self.problem(name, "must be a text");
        }
        text
    }

    /// A text that must be there and say something.
    pub(super) fn required_text(&mut self, names: &[&'static str]) -> Option<String> {
        if self.find(names).is_none() {
            self.missing(names[0]);
            return None;
        }
        let text = self.text(names)?;
        if text.trim().is_empty() {
            self.problem(names[0], "must not be empty");
            return None;
        }
        Some(text.to_owned())
    }

    /// A text read as `T`, where it is there.
    pub(super) fn parsed<T: FromStr<Err: ToString>>(
        &mut self,
        names: &[&'static str],
    ) -> Option<T> {
        let name = self.find(names)?.0;
        match self.text(names)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(name, error.to_string());
                None
            }
        }
    }

    /// Returns `content` if there is no problem. A reader that returns no content has noted why.
    pub(super) fn finish<T>(self, content: Option<T>) -> Result<T, Vec<FieldProblem>> {
        content
            .filter(|_| self.problems.is_empty())
            .ok_or(self.problems)
    }
}
