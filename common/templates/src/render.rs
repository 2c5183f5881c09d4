//! Renders templates.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, Value, machinery,
};

use super::error::{RenderError, TemplatePart, TemplateProblem};
use super::meter::Meter;
use super::{TemplateSource, escape, functions, numbers, operators, syntax};
use tidings_domain::content::{Object, Rendered};

/// The longest rendered part, in bytes. Mail programs truncate much shorter ones.
pub const MAX_OUTPUT: usize = 512 * 1024;

/// The instruction limit for a part. A list of some thousand rows needs a tenth.
const FUEL: u64 = 250_000;

/// The maximum nesting of macros and recursive loops, in units of the engine (a macro counts four, a loop one). Each
/// level uses stack of the thread.
const MAX_RECURSION: usize = 80;

/// Checks that a template can be compiled.
///
/// # Errors
///
/// Returns an error if the template does not compile.
pub fn check(source: TemplateSource<'_>) -> Result<(), RenderError> {
    for (part, source) in source.parts() {
        syntax::compile(part.as_str(), source).map_err(|found| located(part, found))?;
    }
    Ok(())
}

/// Renders a template with variables. Takes at most some tenths of a second and little memory, for every template.
///
/// # Errors
///
/// Returns an error if a variable is missing, the template is invalid, or rendering exceeds a limit.
pub fn render(source: TemplateSource<'_>, variables: &Object) -> Result<Rendered, RenderError> {
    let parts = Parts::new(variables);
    Ok(Rendered {
        subject: source
            .subject
            .map(|subject| parts.subject(subject))
            .transpose()?,
        text: parts.write(TemplatePart::Text, source.text)?,
        html: source
            .html
            .map(|html| parts.html(html))
            .transpose()?
            .flatten(),
    })
}

/// What the parts of a template render that is being written. A part may be wrong while others are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftRendering {
    /// An e-mail's subject or a push message's title.
    pub subject: Option<String>,
    /// The text; `None` if it cannot be rendered.
    pub text: Option<String>,
    /// An e-mail's HTML part.
    pub html: Option<String>,
    /// The problem of each part that cannot be rendered.
    pub problems: Vec<RenderError>,
}

/// Renders each part of a template by itself, within the limits of [`render`].
#[must_use]
pub fn render_draft(source: TemplateSource<'_>, variables: &Object) -> DraftRendering {
    let parts = Parts::new(variables);
    let mut problems = Vec::new();
    let mut kept = |rendered: Result<Option<String>, RenderError>| {
        rendered.unwrap_or_else(|problem| {
            problems.push(problem);
            None
        })
    };
    let subject = source.subject.map(|subject| parts.subject(subject));
    let subject = kept(subject.transpose());
    let text = kept(parts.write(TemplatePart::Text, source.text).map(Some));
    let html = source.html.map(|html| parts.html(html)).transpose();
    let html = kept(html.map(Option::flatten));
    DraftRendering {
        subject,
        text,
        html,
        problems,
    }
}

/// Renders the parts of one message, which share its limits.
struct Parts {
    environment: Environment<'static>,
    root: Value,
}

impl Parts {
    fn new(variables: &Object) -> Self {
        Self {
            environment: environment(&Arc::new(Meter::new())),
            root: numbers::variables(variables),
        }
    }

    fn write(&self, part: TemplatePart, source: &str) -> Result<String, RenderError> {
        write(&self.environment, part, source, self.root.clone())
            .map_err(|found| located(part, found))
    }

    fn subject(&self, source: &str) -> Result<String, RenderError> {
        let subject = self.write(TemplatePart::Subject, source)?;
        Ok(one_line(&subject))
    }

    fn html(&self, source: &str) -> Result<Option<String>, RenderError> {
        let html = self.write(TemplatePart::Html, source)?;
        // A mail program would show an empty HTML part instead of the text.
        Ok(Some(html).filter(|html| !html.trim().is_empty()))
    }
}

fn located(part: TemplatePart, (position, problem): syntax::LocatedProblem) -> RenderError {
    let syntax::Position { line, column } = position;
    RenderError {
        part,
        line,
        column,
        problem,
    }
}

impl<'a> TemplateSource<'a> {
    fn parts(self) -> impl Iterator<Item = (TemplatePart, &'a str)> {
        let parts = [
            (TemplatePart::Subject, self.subject),
            (TemplatePart::Text, Some(self.text)),
            (TemplatePart::Html, self.html),
        ];
        parts
            .into_iter()
            .filter_map(|(part, source)| Some((part, source?)))
    }
}

/// The environment for rendering one message.
fn environment(meter: &Arc<Meter>) -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_RECURSION);
    // With debug information, errors contain the expression.
    environment.set_debug(true);
    functions::register(&mut environment, meter);
    operators::register(&mut environment, meter);
    let meter = Arc::clone(meter);
    environment.set_formatter(move |out, state: &mut State, value| {
        meter.weigh(value)?;
        if value.is_none() {
            // A message must not contain "Dear None,".
            return Err(ErrorKind::UndefinedError.into());
        }
        escape::write(out, state, value)
    });
    environment
}

fn write(
    environment: &Environment<'_>,
    part: TemplatePart,
    source: &str,
    root: Value,
) -> Result<String, syntax::LocatedProblem> {
    let instructions = syntax::compile(part.as_str(), source)?;
    let escape = match part {
        TemplatePart::Html => AutoEscape::Html,
        TemplatePart::Subject | TemplatePart::Text => AutoEscape::None,
    };
    let mut written = String::new();
    let mut out = machinery::make_string_output(&mut written);
    machinery::eval(
        environment,
        &instructions,
        root,
        &BTreeMap::new(),
        &mut out,
        escape,
    )
    .map_err(|error| {
        let position = syntax::Position::of_error(&error, source);
        (position, problem(&error, source))
    })?;
    if written.len() > MAX_OUTPUT {
        return Err((
            syntax::Position::default(),
            TemplateProblem::TooLong(MAX_OUTPUT),
        ));
    }
    Ok(written)
}

/// Converts an error of the engine.
fn problem(error: &Error, source: &str) -> TemplateProblem {
    let detail = error.detail().unwrap_or_default();
    if let Some(name) = missing(error, detail) {
        return TemplateProblem::MissingVariable(name);
    }
    let expression = error
        .range()
        .and_then(|range| whole_expression(source, range));
    match error.kind() {
        ErrorKind::OutOfFuel => TemplateProblem::TooCostly,
        _ if ["recursion limit", "too many elements", "too large"]
            .iter()
            .any(|words| detail.contains(words)) =>
        {
            TemplateProblem::TooCostly
        }
        ErrorKind::UndefinedError => TemplateProblem::MissingVariable(shown(expression)),
        // The details of these errors quote only the template; those of other errors quote values.
        ErrorKind::UnknownFunction
        | ErrorKind::UnknownMethod
        | ErrorKind::UnknownFilter
        | ErrorKind::UnknownTest
        | ErrorKind::MissingArgument
        | ErrorKind::TooManyArguments
            if !detail.is_empty() =>
        {
            TemplateProblem::Failed(format!("{} ({})", detail, shown(expression)))
        }
        kind => TemplateProblem::Failed(format!(
            "{} cannot be computed with these variables: {kind}",
            shown(expression)
        )),
    }
}

/// The expression at `range`, extended to the start of a lookup: the range of `order.lines[0].price` may start at the
/// bracket.
fn whole_expression(source: &str, range: Range<usize>) -> Option<&str> {
    let before = source.get(..range.start)?;
    let path = |c: char| c.is_alphanumeric() || "_.[]'\"".contains(c);
    let lookup = source.get(range.clone())?.starts_with(['.', '[']);
    let start = if lookup {
        before.trim_end_matches(path).len()
    } else {
        range.start
    };
    source.get(start..range.end)
}

/// An expression, shortened for an error message.
fn shown(expression: Option<&str>) -> String {
    let expression = expression.map(str::trim).filter(|text| !text.is_empty());
    let Some(expression) = expression else {
        return "an expression".to_owned();
    };
    expression.chars().take(100).collect()
}

/// The missing variable of an error, if a variable is missing. The engine puts its name in the details, between
/// backticks: ``(`order.number` is undefined, from line 3)``.
fn missing(error: &Error, detail: &str) -> Option<String> {
    let (before, _) = detail.split_once("` is undefined")?;
    let (_, name) = before.rsplit_once('`')?;
    let whole = !name.contains("(...)");
    let kinds = [
        ErrorKind::UndefinedError,
        ErrorKind::InvalidOperation,
        ErrorKind::CannotUnpack,
    ];
    (whole && kinds.contains(&error.kind())).then(|| shown(Some(name)))
}

/// Puts a text on one line: control characters, line breaks and repeated spaces become one space.
fn one_line(text: &str) -> String {
    let breaks = |c: char| c.is_control() || c == ' ' || "\u{2028}\u{2029}".contains(c);
    let words = text.split(breaks).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}
