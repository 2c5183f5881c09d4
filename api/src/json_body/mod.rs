//! JSON objects that requests bring, read strictly: everything that is wrong is reported at once,
//! unknown and repeated fields included.

mod members;
mod problems;

use std::fmt::Display;
use std::str::FromStr;

use serde_json::value::RawValue;
use tidings_domain::content::{Object, WebhookUrl};
use tidings_egress::EgressPolicy;

pub use members::{Members, Name, not_an_object};
pub use problems::Problems;

use crate::error::ApiError;

/// What a request's body is called in messages.
pub const BODY: &str = "The body";

/// An object whose fields are read one by one.
pub struct JsonBody<'a> {
    members: Members<'a>,
    problems: Problems,
}

impl<'a> JsonBody<'a> {
    /// Reads a body that may have the fields `known`. `whole` is what they are fields of, for people.
    ///
    /// # Errors
    ///
    /// 400 where it is no JSON object.
    pub fn parse(body: &'a [u8], known: &[&str], whole: &str) -> Result<Self, ApiError> {
        let members = Members::read(body, BODY)?;
        let mut problems = Problems::default();
        problems.check_names(&members, known, "", whole);
        Ok(Self { members, problems })
    }

    /// Whether a field is there, be it `null`.
    pub fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some()
    }

    /// A field that must be there.
    pub fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&RawValue) -> Result<T, String>,
    ) -> Option<T> {
        let Some(value) = self.members.get(name) else {
            self.problems.missing(name);
            return None;
        };
        self.problems.keep(name, read(value))
    }

    /// A field that may be absent; `null` is what is absent, too.
    pub fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&RawValue) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.members.get(name);
        let value = value.filter(|value| value.get() != "null")?;
        self.problems.keep(name, read(value))
    }

    /// Refuses a field that must not be there, for the reason `why`.
    pub fn refuse(&mut self, name: &str, why: &str) {
        let value = self.members.get(name);
        if value.is_some_and(|value| value.get() != "null") {
            self.problems.invalid(name, why);
        }
    }

    /// `read`, where nothing was wrong.
    ///
    /// # Errors
    ///
    /// 400 with everything that was.
    pub fn finish<T>(self, read: Option<T>) -> Result<T, ApiError> {
        self.problems.none()?;
        read.ok_or_else(|| ApiError::internal("a field that could not be read was no problem"))
    }
}

/// Reads a text as `T`.
pub fn parsed<T: FromStr<Err: Display>>(value: &RawValue) -> Result<T, String> {
    let text = text(value)?;
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// Reads a UUID in its usual spelling.
pub fn uuid<T: From<uuid::Uuid>>(value: &RawValue) -> Result<T, String> {
    let text = text(value).ok().filter(|text| text.len() == 36);
    let uuid = text.and_then(|text| uuid::Uuid::try_parse(&text).ok());
    uuid.map(T::from)
        .ok_or_else(|| "must be a UUID, such as 9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a".to_owned())
}

/// Reads a line of at most `most` characters.
pub fn line(most: usize) -> impl FnOnce(&RawValue) -> Result<String, String> {
    move |value| {
        let text = text(value)?;
        if text.chars().count() > most || text.chars().any(char::is_control) {
            return Err(format!(
                "must have at most {most} characters and no control characters"
            ));
        }
        Ok(text)
    }
}

/// Reads `true` or `false`.
pub fn flag(value: &RawValue) -> Result<bool, String> {
    serde_json::from_str(value.get()).map_err(|_| "must be true or false".to_owned())
}

/// Reads a URL that webhooks may go to.
pub fn webhook_url(policy: &EgressPolicy) -> impl FnOnce(&RawValue) -> Result<WebhookUrl, String> {
    |value| {
        let url = parsed(value)?;
        policy.check(&url).map_err(|refusal| refusal.to_string())?;
        Ok(url)
    }
}

/// Reads a text that says something.
pub fn said(value: &RawValue) -> Result<String, String> {
    let text = text(value)?;
    if text.trim().is_empty() {
        return Err("must not be empty".to_owned());
    }
    Ok(text)
}

/// Reads an object.
pub fn object(value: &RawValue) -> Result<Object, String> {
    serde_json::from_str(value.get()).map_err(|_| "must be an object".to_owned())
}

/// Reads a text.
pub fn text(value: &RawValue) -> Result<String, String> {
    serde_json::from_str(value.get()).map_err(|_| "must be a text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> (&'static str, Vec<String>) {
        let mut body =
            JsonBody::parse(body.as_bytes(), &["text", "subject"], "test").expect("JSON");
        let read = body.required("text", said);
        body.optional("subject", text);
        let error = body.finish(read).expect_err("wrong");
        let fields = error.details.into_iter().map(|detail| detail.field);
        (error.code, fields.collect())
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
            (r#"{"text": null}"#, "invalid_fields"),
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
            let error = JsonBody::parse(body.as_bytes(), &[], "test").map(drop);
            assert_eq!(error.expect_err(body).code, "invalid_json");
        }
    }
}
