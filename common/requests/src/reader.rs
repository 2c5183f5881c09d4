use std::marker::PhantomData;
use std::mem::take;

use serde_json::value::RawValue;
use tidings_domain::content::{FieldProblem, FieldProblems};
use tidings_domain::json::{Members, shown};

use crate::{BODY, InvalidObject};

/// Parses a JSON text. Error messages call the text `source`.
///
/// # Errors
///
/// Returns [`InvalidObject::NotAnObject`] if the text is not a JSON object.
pub fn members<'a>(json: &'a [u8], source: &str) -> Result<Members<'a>, InvalidObject> {
    serde_json::from_slice(json).map_err(|error| InvalidObject::not_an_object(&error, source))
}

/// Reads the fields of a JSON object one by one and collects everything that is wrong with them, under
/// the fields' paths. `E` is the error of the program that reads.
pub struct ObjectReader<'a, E = InvalidObject> {
    members: Members<'a>,
    /// Precedes the field names in paths: `template.` inside the field `template`, otherwise empty.
    prefix: String,
    problems: FieldProblems,
    error: PhantomData<fn() -> E>,
}

impl<'a, E: From<InvalidObject>> ObjectReader<'a, E> {
    /// Parses a request's body that may have the fields `known`. `object` names what the body describes,
    /// such as `notification`, in messages about unknown fields.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidObject::NotAnObject`] if the body is not a JSON object.
    pub fn parse(body: &'a [u8], known: &[&str], object: &str) -> Result<Self, E> {
        let members = members(body, BODY)?;
        Ok(Self::new(members, known, object))
    }

    /// Like [`ObjectReader::parse`], for members that are parsed already.
    #[must_use]
    pub fn new(members: Members<'a>, known: &[&str], object: &str) -> Self {
        let mut reader = Self {
            members,
            prefix: String::new(),
            problems: FieldProblems::default(),
            error: PhantomData,
        };
        reader.check_names(known, object);
        reader
    }

    /// Reports unknown fields, because one may be a typo, and repeated ones, because it is unclear which
    /// value is meant.
    fn check_names(&mut self, known: &[&str], object: &str) {
        let mut seen = vec![false; known.len()];
        for (name, _) in &self.members.0 {
            let path = || format!("{}{}", self.prefix, shown(name));
            match known.iter().position(|known| known == name) {
                None => self.problems.unknown(path(), object),
                Some(field) if seen[field] => self.problems.repeated(path()),
                Some(field) => seen[field] = true,
            }
        }
    }

    /// Whether a field is present, even if it is `null`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some()
    }

    /// The value of a field that is present and not `null`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'a RawValue> {
        self.members.get(name).filter(|value| value.get() != "null")
    }

    /// Reads a required field.
    pub fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&'a RawValue) -> Result<T, String>,
    ) -> Option<T> {
        let Some(value) = self.members.get(name) else {
            self.problems.missing(self.path(name));
            return None;
        };
        self.keep(name, read(value))
    }

    /// Reads an optional field. `null` counts as absent.
    pub fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&'a RawValue) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.value(name)?;
        self.keep(name, read(value))
    }

    /// Reads an optional field that is an object with the fields `known`. `expected` is the message if
    /// the field has another type.
    pub fn optional_object<T>(
        &mut self,
        name: &str,
        known: &[&str],
        expected: &str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(name)?;
        let Ok(members) = serde_json::from_str(value.get()) else {
            self.invalid(name, expected);
            return None;
        };
        let mut inner = Self {
            members,
            prefix: format!("{}.", self.path(name)),
            problems: take(&mut self.problems),
            error: PhantomData,
        };
        inner.check_names(known, name);
        let read = read(&mut inner);
        self.problems = inner.problems;
        read
    }

    /// Reports an absent field that is not always required. `message` says when it is.
    pub fn missing(&mut self, name: &str, message: &str) {
        self.problems.missing_with(self.path(name), message);
    }

    /// Reports a field that must be absent.
    pub fn reject(&mut self, name: &str, why: &str) {
        if self.value(name).is_some() {
            self.invalid(name, why);
        }
    }

    /// Reports a field with a wrong value.
    pub fn invalid(&mut self, name: &str, message: impl Into<String>) {
        self.problems.invalid(self.path(name), message);
    }

    /// Returns the value, or reports the problems that another reader has collected. Their paths are
    /// complete.
    pub fn merge<T>(&mut self, read: Result<T, Vec<FieldProblem>>) -> Option<T> {
        read.map_err(|problems| self.problems.extend(problems)).ok()
    }

    /// Returns what was read.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidObject::Fields`] with everything that is wrong, if anything is.
    pub fn finish<T>(self, read: Option<T>) -> Result<T, E> {
        InvalidObject::check(self.problems)?;
        Ok(read.ok_or(InvalidObject::Unreported)?)
    }

    fn keep<T>(&mut self, name: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|message| self.invalid(name, message)).ok()
    }

    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::{nonblank, string};

    fn rejected(body: &str) -> (&'static str, Vec<String>) {
        let known = ["text", "subject", "part"];
        let reader = ObjectReader::<InvalidObject>::parse(body.as_bytes(), &known, "test");
        let mut reader = reader.expect("JSON");
        let read = reader.required("text", nonblank);
        reader.optional("subject", string);
        reader.optional_object("part", &["name"], "must be a part", |part| {
            part.required("name", string)
        });
        let error = reader.finish(read).expect_err("wrong");
        let code = error.code();
        let fields = error.into_problems().into_iter().map(|it| it.field);
        (code, fields.collect())
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let (code, fields) = rejected(r#"{"subject": 1, "subject": "x", "color": 2}"#);
        assert_eq!(code, "invalid_request");
        assert_eq!(fields, ["text", "subject", "color", "subject"]);
    }

    #[test]
    fn one_kind_of_mistake_has_a_code_of_its_own() {
        for (body, code) in [
            ("{}", "missing_fields"),
            (r#"{"text": null}"#, "invalid_fields"),
            (r#"{"text": " "}"#, "invalid_fields"),
            (r#"{"text": "a", "txt": "b"}"#, "unknown_fields"),
            (r#"{"text": "a", "text": "a"}"#, "repeated_fields"),
        ] {
            assert_eq!(rejected(body).0, code, "{body}");
        }
    }

    #[test]
    fn problems_of_an_inner_object_carry_its_path() {
        let (_, fields) = rejected(r#"{"text": "a", "part": {"nme": 1, "name": 2, "name": "b"}}"#);
        assert_eq!(fields, ["part.name", "part.nme", "part.name"]);
        let (_, fields) = rejected(r#"{"text": "", "part": {}}"#);
        assert_eq!(fields, ["part.name", "text"]);
        let (_, fields) = rejected(r#"{"text": "a", "part": 7}"#);
        assert_eq!(fields, ["part"]);
    }

    #[test]
    fn a_text_that_is_not_an_object_is_rejected() {
        for body in ["", "[]", "7", "null", "{"] {
            let error = ObjectReader::<InvalidObject>::parse(body.as_bytes(), &[], "test");
            assert_eq!(error.map(drop).expect_err(body).code(), "invalid_json");
        }
    }

    #[test]
    fn an_error_repeats_only_the_beginning_of_a_long_name() {
        let (_, fields) = rejected(&format!(r#"{{"text": "a", "{}": 1}}"#, "n".repeat(5000)));
        assert_eq!(fields, ["n".repeat(100)]);
    }
}
