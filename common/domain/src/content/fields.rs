use std::str::FromStr;

use super::problems::{FieldProblem, FieldProblems};
use super::{Json, Object};

/// Reads the fields of a payload and collects everything that is wrong with them. A field that is `null`
/// or blank counts as absent: a client that has no value often sends an empty string.
pub(super) struct Fields<'a> {
    object: &'a Object,
    problems: FieldProblems,
}

impl<'a> Fields<'a> {
    pub(super) fn of(object: &'a Object) -> Self {
        Self {
            object,
            problems: FieldProblems::default(),
        }
    }

    /// Reports a field with a wrong value.
    pub(super) fn invalid(&mut self, name: &str, message: impl Into<String>) {
        self.problems.invalid(path(name), message);
    }

    /// Reports a required field that is absent.
    pub(super) fn missing(&mut self, name: &str) {
        self.problems.missing(path(name));
    }

    /// The first of `names` that is present, with its value. The later names are aliases of the first.
    fn find(&self, names: &[&'static str]) -> Option<(&'static str, &'a Json)> {
        names.iter().find_map(|name| {
            let value = self.object.get(*name).filter(|value| is_given(value))?;
            Some((*name, value))
        })
    }

    /// Whether at least one of `names` is present.
    pub(super) fn has(&self, names: &[&'static str]) -> bool {
        self.find(names).is_some()
    }

    /// A value of any type but null. A blank string is a value.
    pub(super) fn value(&self, name: &'static str) -> Option<&'a Json> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// An optional string.
    pub(super) fn text(&mut self, names: &[&'static str]) -> Option<&'a str> {
        let (name, value) = self.find(names)?;
        let text = value.as_str();
        if text.is_none() {
            self.invalid(name, "must be a string");
        }
        text
    }

    /// A required string that must not be blank.
    pub(super) fn required_text(&mut self, names: &[&'static str]) -> Option<String> {
        if !self.has(names) {
            let mut values = names.iter().filter_map(|name| self.object.get(*name));
            if values.any(|value| !value.is_null()) {
                self.invalid(names[0], "must not be empty");
            } else {
                self.missing(names[0]);
            }
            return None;
        }
        self.text(names).map(ToOwned::to_owned)
    }

    /// An optional string, parsed as `T`.
    pub(super) fn parsed<T: FromStr<Err: ToString>>(
        &mut self,
        names: &[&'static str],
    ) -> Option<T> {
        let name = self.find(names)?.0;
        let parsed = self.text(names)?.parse();
        parsed
            .map_err(|error: T::Err| self.invalid(name, error.to_string()))
            .ok()
    }

    /// Returns `content` if there is no problem. A reader that returns no content has reported
    /// why.
    pub(super) fn finish<T>(self, content: Option<T>) -> Result<T, Vec<FieldProblem>> {
        content
            .filter(|_| self.problems.is_empty())
            .ok_or_else(|| self.problems.into_vec())
    }
}

fn is_given(value: &Json) -> bool {
    let is_blank = |text: &str| text.trim().is_empty();
    !value.is_null() && !value.as_str().is_some_and(is_blank)
}

/// The path of a payload's field.
fn path(name: &str) -> String {
    format!("payload.{name}")
}
