use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use tidings_domain::content::{
    Content, EmailAddress, FieldProblem, Json, Object, ProblemKind, TemplateRef, check_variables,
};
use tidings_domain::notification::{Channel, payload_problem};
use tidings_templates::TemplateName;

use crate::{InvalidObject, ObjectReader, values};

const RECIPIENT: &str = "recipient";
const SUBJECT: &str = "subject";
const BODY: &str = "body";
const TEMPLATE_NAME: &str = "template_name";

/// The event `email.send`, validated: `{"recipient", "subject", "body", "template_name"?}`. Its form is that of an older
/// notification service.
#[derive(Clone, Debug)]
pub struct EmailEvent {
    /// The recipient.
    pub recipient: EmailAddress,
    /// The payload of the notification. With a template, it contains the variables `recipient`, `subject` and `body`.
    pub payload: Box<RawValue>,
    /// The template that renders the e-mail, if there is one.
    pub template: Option<TemplateRef>,
}

impl EmailEvent {
    /// Parses the body of an event.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidObject> {
        let known = [RECIPIENT, SUBJECT, BODY, TEMPLATE_NAME];
        let mut reader = ObjectReader::<InvalidObject>::parse(body, &known, "email.send event")?;
        let is_templated = reader.value(TEMPLATE_NAME).is_some();
        let recipient = reader.required(RECIPIENT, values::parsed::<EmailAddress>);
        let subject = reader.required(SUBJECT, values::string);
        let text = reader.required(BODY, values::string);
        let template = reader.optional(TEMPLATE_NAME, values::parsed::<TemplateName>);
        let to = recipient.as_ref().map(EmailAddress::as_str);
        let payload = payload(to, subject.as_deref(), text.as_deref(), is_templated);
        let payload = reader.merge(payload);
        let event = recipient.zip(payload).map(|(recipient, payload)| Self {
            recipient,
            payload,
            template: template.map(|name| TemplateRef {
                name: name.to_string(),
                locale: None,
            }),
        });
        reader.finish(event)
    }
}

/// Builds the payload and checks it like that of a request. A part that is `None` has been reported already.
fn payload(
    to: Option<&str>,
    subject: Option<&str>,
    text: Option<&str>,
    is_templated: bool,
) -> Result<Box<RawValue>, Vec<FieldProblem>> {
    let value = if is_templated {
        json!({"to": to, "recipient": to, "subject": subject, "body": text})
    } else {
        json!({"to": to, "subject": subject, "text": text})
    };
    let payload = to_raw_value(&value).map_err(|error| vec![invalid(BODY, error.to_string())])?;
    let mut problems = match Json::object(payload.get()) {
        Ok(object) => content_problems(&object, is_templated),
        Err(error) => vec![invalid(BODY, error.to_string())],
    };
    for (field, text) in [(SUBJECT, subject), (BODY, text)] {
        let storable = text.map(|text| json!({"": text}).to_string());
        if let Some(problem) = storable.and_then(|json| payload_problem(&json)) {
            problems.push(invalid(field, problem));
        }
    }
    if problems.is_empty() {
        Ok(payload)
    } else {
        Err(problems)
    }
}

/// What is wrong with the payload, except what is missing in it, under the fields of the event.
fn content_problems(payload: &Object, is_templated: bool) -> Vec<FieldProblem> {
    let checked = if is_templated {
        check_variables(Channel::Email, payload).map(drop)
    } else {
        Content::read(Channel::Email, payload).map(drop)
    };
    let problems = checked.err().unwrap_or_default().into_iter();
    let wrong = problems.filter(|problem| problem.kind != ProblemKind::Missing);
    let renamed = wrong.map(|problem| {
        let field = match problem.field.as_str() {
            "payload.to" => RECIPIENT,
            "payload.subject" => SUBJECT,
            _ => BODY,
        };
        invalid(field, problem.message)
    });
    renamed.collect()
}

fn invalid(field: &str, message: impl Into<String>) -> FieldProblem {
    FieldProblem {
        field: field.to_owned(),
        message: message.into(),
        kind: ProblemKind::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn rejected(body: &str) -> (&'static str, Vec<String>) {
        let error = EmailEvent::parse(body.as_bytes()).expect_err(body);
        let code = error.code();
        let problems = error.into_problems().into_iter();
        (code, problems.map(|problem| problem.field).collect())
    }

    #[test]
    fn an_event_is_an_email_to_its_recipient() {
        let body = r#"{"recipient": "Ann@Example.com", "subject": "Hi", "body": "Your order"}"#;
        let event = EmailEvent::parse(body.as_bytes()).expect("valid");
        assert_eq!(event.recipient.as_str(), "ann@example.com");
        assert_eq!(event.template, None);
        let payload: Value = serde_json::from_str(event.payload.get()).expect("JSON");
        let expected = json!({"to": "ann@example.com", "subject": "Hi", "text": "Your order"});
        assert_eq!(payload, expected);
    }

    #[test]
    fn the_variables_of_a_template_are_the_fields_of_the_event() {
        let body =
            r#"{"recipient": "a@b.de", "subject": "", "body": "", "template_name": "welcome"}"#;
        let event = EmailEvent::parse(body.as_bytes()).expect("valid");
        assert_eq!(event.template.expect("a template").name, "welcome");
        let payload: Value = serde_json::from_str(event.payload.get()).expect("JSON");
        let expected = json!({"to": "a@b.de", "recipient": "a@b.de", "subject": "", "body": ""});
        assert_eq!(payload, expected);
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let (code, fields) = rejected(
            r#"{"recipient": "nobody", "subject": "two\nlines", "template": 1, "template_name": null}"#,
        );
        assert_eq!(code, "invalid_request");
        assert_eq!(fields, ["body", "recipient", "subject", "template"]);
        assert_eq!(rejected("{}").0, "missing_fields");
        assert_eq!(rejected("[]").0, "invalid_json");
        let (_, fields) = rejected(r#"{"recipient": "a@b.de", "subject": " ", "body": "\u0000"}"#);
        assert_eq!(fields, ["subject", "body"]);
        let body =
            r#"{"recipient": "a@b.de", "subject": "a", "body": "b", "template_name": "A b"}"#;
        assert_eq!(rejected(body).1, ["template_name"]);
    }

    proptest! {
        #[test]
        fn arbitrary_texts_are_accepted_or_reported(subject in ".*", text in ".*", recipient in ".*") {
            let body = json!({"recipient": recipient, "subject": subject, "body": text}).to_string();
            if let Err(error) = EmailEvent::parse(body.as_bytes()) {
                prop_assert_ne!(error, InvalidObject::Unreported);
            }
        }
    }
}
