//! A template that is being written.

use serde::Serialize;
use tidings_domain::content::{Object, Rendered};
use tidings_domain::notification::Channel;
use tidings_templates::{DraftRendering, RenderError, TemplateSource, render_draft};
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::handlers::templates::read_channel;
use crate::json_body::{ObjectReader, values};
use crate::page_turn::PageTurn;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = TemplateDraft)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct DraftBody {
    /// The channel: `email`, `sms` or `push`.
    #[schema(example = "email")]
    channel: String,
    /// An e-mail's subject or a push message's title. Not allowed for sms.
    #[schema(example = "Your order {{ order.number }}")]
    subject: Option<String>,
    /// The text.
    #[schema(example = "Hello {{ name }}")]
    text: String,
    /// An e-mail's HTML part. Allowed for email only.
    html: Option<String>,
    /// The payload that a notification would have.
    #[schema(value_type = Object, example = json!({"name": "Anna"}))]
    variables: (),
}

/// What a template renders before it is saved.
#[derive(Debug, Serialize, ToSchema)]
pub struct DraftPreview {
    /// An e-mail's subject or a push message's title; null if it cannot be rendered.
    subject: Option<String>,
    /// The text; null if it cannot be rendered.
    text: Option<String>,
    /// An e-mail's HTML part; null if there is none, or if it cannot be rendered.
    pub(super) html: Option<String>,
    /// Everything that is wrong, at most one problem for each part that cannot be rendered.
    problems: Vec<DraftProblem>,
}

/// What is wrong with a draft.
#[derive(Debug, Serialize, ToSchema)]
pub struct DraftProblem {
    /// `subject`, `text` or `html`; another member of the message if the channel does not accept it.
    #[schema(example = "text")]
    part: String,
    /// The line in the part, counted from 1; null if it is unknown.
    line: Option<usize>,
    /// The column in the line, in characters, counted from 1; null if it is unknown.
    column: Option<usize>,
    /// `syntax_error`, `missing_variable`, `too_costly`, `too_long`, `failed` or, if the channel does not accept the message,
    /// `not_sendable`.
    #[schema(example = "missing_variable")]
    code: &'static str,
    /// The problem for people.
    message: String,
}

impl From<RenderError> for DraftProblem {
    fn from(error: RenderError) -> Self {
        Self {
            part: error.part.as_str().to_owned(),
            line: error.line,
            column: error.column,
            code: error.problem.code(),
            message: error.problem.to_string(),
        }
    }
}

/// A draft, with the variables to render it with.
#[derive(Debug)]
pub(super) struct Draft {
    channel: Channel,
    subject: Option<String>,
    text: String,
    html: Option<String>,
    variables: Object,
}

impl Draft {
    /// Parses a body. Parts may be blank, because they are being written.
    ///
    /// # Errors
    ///
    /// Returns 400 with everything that is wrong.
    fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let known = ["channel", "subject", "text", "html", "variables"];
        let mut body = ObjectReader::parse(body, &known, "draft")?;
        let channel = body.required("channel", |value| {
            let text = values::nonblank(value)?;
            read_channel(&text).map_err(ToOwned::to_owned)
        });
        let subject = if channel == Some(Channel::Sms) {
            body.reject("subject", "a text message has no subject");
            None
        } else {
            body.optional("subject", values::string)
        };
        let html = if matches!(channel, Some(Channel::Sms | Channel::Push)) {
            body.reject("html", "only an e-mail has an HTML part");
            None
        } else {
            body.optional("html", values::string)
        };
        let text = body.required("text", values::string);
        let variables = body.required("variables", values::object);
        let parts = channel.zip(text).zip(variables);
        let draft = parts.map(|((channel, text), variables)| Self {
            channel,
            subject,
            text,
            html,
            variables,
        });
        body.finish(draft)
    }

    /// Parses a body and renders the draft.
    ///
    /// # Errors
    ///
    /// See [`Self::parse`]. Returns 503 if others render for too long.
    pub(super) async fn preview(body: &[u8], state: &AppState) -> Result<DraftPreview, ApiError> {
        let draft = Self::parse(body)?;
        PageTurn::render(state, move || draft.render()).await
    }

    fn render(&self) -> DraftPreview {
        let source = TemplateSource {
            // A blank one is missing, as when the template is saved.
            subject: self.subject.as_deref().or_else(|| {
                let has_subject = self.channel != Channel::Sms;
                has_subject.then_some("")
            }),
            text: &self.text,
            html: self.html.as_deref(),
        };
        let DraftRendering {
            subject,
            text,
            html,
            problems,
        } = render_draft(source, &self.variables);
        let mut problems: Vec<_> = problems.into_iter().map(DraftProblem::from).collect();
        if let (true, Some(text)) = (problems.is_empty(), &text) {
            let rendered = Rendered {
                subject: subject.clone(),
                text: text.clone(),
                html: html.clone(),
            };
            problems = self.not_sendable(&rendered);
        }
        DraftPreview {
            subject,
            text,
            html,
            problems,
        }
    }

    /// Why the channel does not accept the message, such as an SMS that is too long.
    fn not_sendable(&self, rendered: &Rendered) -> Vec<DraftProblem> {
        let found = rendered.content(self.channel, &self.variables);
        let problems = found.err().unwrap_or_default().into_iter();
        let shown = problems.map(|problem| DraftProblem {
            part: match problem.field.trim_start_matches("payload.") {
                "title" => "subject".to_owned(),
                "body" => "text".to_owned(),
                field => field.to_owned(),
            },
            line: None,
            column: None,
            code: "not_sendable",
            message: problem.message.clone(),
        });
        shown.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(body: &str) -> Vec<(String, Option<usize>, Option<usize>, &'static str)> {
        let preview = Draft::parse(body.as_bytes()).expect("a draft").render();
        let problems = preview.problems.into_iter();
        problems
            .map(|one| (one.part, one.line, one.column, one.code))
            .collect()
    }

    #[test]
    fn each_part_has_its_own_problem_with_its_place() {
        let body = r#"{"channel": "email", "subject": "{{ a }}", "text": "1\n2\nHi {{ b }}", "html": "<p>\n{{ c",
                       "variables": {}}"#;
        let found = problems(body);
        let parts: Vec<_> = found.iter().map(|one| one.0.as_str()).collect();
        assert_eq!(parts, ["subject", "text", "html"]);
        assert_eq!(found[0].1, Some(1));
        assert_eq!((found[1].1, found[1].3), (Some(3), "missing_variable"));
        assert_eq!((found[2].1, found[2].3), (Some(2), "syntax_error"));
    }

    #[test]
    fn a_message_that_the_channel_refuses_is_no_problem_of_a_line() {
        for (body, part) in [
            (
                r#"{"channel": "email", "subject": " ", "text": "t", "variables": {}}"#,
                "subject",
            ),
            (
                r#"{"channel": "email", "text": "t", "variables": {}}"#,
                "subject",
            ),
            (
                r#"{"channel": "push", "subject": "s", "text": " ", "variables": {}}"#,
                "text",
            ),
        ] {
            let expected = vec![(part.to_owned(), None, None, "not_sendable")];
            assert_eq!(problems(body), expected, "{body}");
        }
    }

    #[test]
    fn a_draft_has_the_parts_of_its_channel() {
        let body = r#"{"channel": "sms", "subject": "s", "html": "h", "text": 1, "more": 1}"#;
        let error = Draft::parse(body.as_bytes()).expect_err("wrong");
        let mut fields: Vec<_> = error.details.iter().map(|one| one.field.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["html", "more", "subject", "text", "variables"]);
    }
}
