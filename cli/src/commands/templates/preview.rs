//! `tidings templates preview`.

use anyhow::Context;
use serde_json::{Value, json};
use tidings_domain::content::Json;
use tidings_domain::notification::Channel;
use tidings_templates::{DraftRendering, RenderError, render_draft};

use super::{Parts, Source, channel};
use crate::output::{CommandOutput, Text, printable};

/// Arguments of `preview`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The channel: email, sms or push
    #[arg(long, value_parser = channel)]
    channel: Channel,
    #[command(flatten)]
    parts: Parts,
    /// The variables: a JSON object
    #[arg(long, default_value = "{}")]
    variables: String,
}

/// Renders files. The exit code is 1 if something is wrong with them.
pub fn run(args: &Args) -> anyhow::Result<CommandOutput> {
    let source = Source::read(&args.parts, args.channel)?;
    let variables = Json::object(&args.variables).context("--variables must be a JSON object")?;
    let DraftRendering {
        subject,
        text: body,
        html,
        problems,
    } = render_draft(source.source(), &variables);
    let mut text = Text::default();
    for problem in &problems {
        text.line(format_args!("ERROR    {}", printable(&shown(problem))));
    }
    for part in [&subject, &body, &html].into_iter().flatten() {
        for line in part.lines() {
            text.line(printable(line));
        }
        text.line("");
    }
    let found: Vec<Value> = problems.iter().map(problem_json).collect();
    let json = json!({ "subject": subject, "text": body, "html": html, "problems": found });
    Ok(CommandOutput::new(text, json)?.success_if(problems.is_empty()))
}

fn shown(problem: &RenderError) -> String {
    let RenderError {
        part,
        line,
        column,
        problem,
    } = problem;
    match (line, column) {
        (Some(line), Some(column)) => format!("{part}, line {line}, column {column}: {problem}"),
        (Some(line), None) => format!("{part}, line {line}: {problem}"),
        _ => format!("{part}: {problem}"),
    }
}

fn problem_json(problem: &RenderError) -> Value {
    json!({
        "part": problem.part.as_str(),
        "line": problem.line,
        "column": problem.column,
        "code": problem.problem.code(),
        "message": problem.problem.to_string(),
    })
}
