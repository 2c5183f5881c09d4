use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use tidings_common::content::Object;

use crate::error::{ApiError, Detail};

/// A request's JSON object, of which each field is taken out once and what is wrong is collected.
#[derive(Debug)]
pub(super) struct Body {
    members: Vec<(String, Value)>,
    missing: Vec<Detail>,
    invalid: Vec<Detail>,
    repeated: Vec<Detail>,
}

impl Body {
    /// Reads a request's body.
    ///
    /// # Errors
    ///
    /// 400 where it is no JSON object.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let Members(members) = serde_json::from_slice(body).map_err(|error| {
            let message = match error.classify() {
                serde_json::error::Category::Data => {
                    format!("The body must be a JSON object: {error}")
                }
                _ => format!("The body is not JSON: {error}"),
            };
            ApiError::bad_request("invalid_json", message, Vec::new())
        })?;
        Ok(Self {
            members,
            missing: Vec::new(),
            invalid: Vec::new(),
            repeated: Vec::new(),
        })
    }

    /// Takes a field out; `null` is not there.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        let mut found = self.members.extract_if(.., |(member, _)| member == name);
        let value = found.next().map(|(_, value)| value);
        if found.count() > 0 {
            self.repeated
                .push(Detail::new(name, "is given more than once"));
        }
        value.filter(|value| !value.is_null())
    }

    /// Takes a text out that may be missing.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => self.invalid(name, "must be a text"),
        }
    }

    /// Takes a text out that must say something.
    pub(super) fn required_text(&mut self, name: &str) -> Option<String> {
        match self.take(name) {
            None => self.missing(name),
            Some(Value::String(text)) if text.trim().is_empty() => {
                self.invalid(name, "must not be empty")
            }
            Some(Value::String(text)) => Some(text),
            Some(_) => self.invalid(name, "must be a text"),
        }
    }

    /// Takes an object out that must be there.
    pub(super) fn required_object(&mut self, name: &str) -> Option<Object> {
        match self.take(name) {
            None => self.missing(name),
            Some(Value::Object(members)) => Some(members),
            Some(_) => self.invalid(name, "must be an object"),
        }
    }

    fn missing<T>(&mut self, name: &str) -> Option<T> {
        self.missing.push(Detail::new(name, "is required"));
        None
    }

    /// Notes that a field is wrong.
    pub(super) fn invalid<T>(&mut self, name: &str, message: impl Into<String>) -> Option<T> {
        self.invalid.push(Detail::new(name, message));
        None
    }

    /// Refuses where anything was wrong: a field that nobody took out is unknown.
    ///
    /// # Errors
    ///
    /// 400 with everything that is wrong.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        let unknown = self.members.into_iter().map(|(name, _)| {
            let shown: String = name.chars().take(100).collect();
            Detail::new(shown, "is not a field of this request")
        });
        let kinds = [
            ("missing_fields", "Missing required fields", self.missing),
            ("invalid_fields", "Invalid fields", self.invalid),
            ("unknown_fields", "Unknown fields", unknown.collect()),
            ("repeated_fields", "Repeated fields", self.repeated),
        ];
        let found = kinds.into_iter().filter(|(_, _, found)| !found.is_empty());
        let (mut code, mut sentences, mut details) = (None, Vec::new(), Vec::new());
        for (kind, words, mut found) in found {
            // Several kinds at once have a code of their own.
            code = Some(code.map_or(kind, |_| "invalid_request"));
            let names = found.iter().take(10).map(|detail| detail.field.as_str());
            sentences.push(format!("{words}: {}", names.collect::<Vec<_>>().join(", ")));
            details.append(&mut found);
        }
        code.map_or(Ok(()), |code| {
            Err(ApiError::bad_request(code, sentences.join(". "), details))
        })
    }
}

/// A JSON object's members in their order, repeated ones included.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> (String, Vec<String>) {
        let mut body = Body::parse(body.as_bytes()).expect("an object");
        body.required_text("text");
        body.text("subject");
        let error = body.finish().expect_err("wrong");
        let fields = error.details.iter().map(|detail| detail.field.clone());
        (error.code.to_owned(), fields.collect())
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let (code, fields) = refused(r#"{"subject": 1, "subject": "x", "color": 2}"#);
        assert_eq!(code, "invalid_request");
        assert_eq!(fields, ["text", "subject", "color", "subject"]);
    }

    #[test]
    fn one_kind_of_mistake_has_a_code_of_its_own() {
        for (body, code) in [
            ("{}", "missing_fields"),
            (r#"{"text": null}"#, "missing_fields"),
            (r#"{"text": " "}"#, "invalid_fields"),
            (r#"{"text": "a", "txt": "b"}"#, "unknown_fields"),
            (r#"{"text": "a", "text": "a"}"#, "repeated_fields"),
        ] {
            assert_eq!(refused(body).0, code, "{body}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["", "[]", "7", "null", "{"] {
            let error = Body::parse(body.as_bytes()).expect_err(body);
            assert_eq!(error.code, "invalid_json");
        }
    }
}
