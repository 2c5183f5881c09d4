mod arbitrary;
mod expensive_templates;
mod language;
mod mistakes;

use serde_json::Value;

use super::{RenderError, TemplateProblem, TemplateSource, render};
use tidings_domain::content::{Json, Object};

pub(super) fn object(value: Value) -> Object {
    match value.into() {
        Json::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

pub(super) fn text(source: &str, variables: Value) -> Result<String, RenderError> {
    let source = TemplateSource {
        subject: None,
        text: source,
        html: None,
    };
    render(source, &object(variables)).map(|rendered| rendered.text)
}

pub(super) fn html(source: &str, variables: Value) -> Result<String, RenderError> {
    let source = TemplateSource {
        subject: None,
        text: "",
        html: Some(source),
    };
    render(source, &object(variables)).map(|rendered| rendered.html.expect("an HTML part"))
}

pub(super) fn problem(source: &str, variables: Value) -> TemplateProblem {
    text(source, variables).expect_err(source).problem
}
