//! `tidings templates preview`.

use std::path::PathBuf;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tidings_db::Database;
use tidings_db::templates::{self, TemplateKey, TemplateRow};
use tidings_domain::content::{Json, Object, Rendered};
use tidings_domain::notification::Channel;
use tidings_templates::{
    DraftRendering, Locale, RenderError, TemplateName, TemplateSource, render_draft,
};

use super::{Parts, Source, channel};
use crate::output::{CommandOutput, Text, printable};

/// Arguments of `preview`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").args(["name", "text"]).required(true))]
pub struct Args {
    /// A template that is saved; without it, the files are rendered
    #[arg(value_name = "NAME")]
    name: Option<TemplateName>,
    /// The channel: email, sms or push
    #[arg(long, value_parser = channel)]
    channel: Channel,
    /// The preferred language. Falls back to other languages as for a notification
    #[arg(long, requires = "name")]
    locale: Option<Locale>,
    /// A version of exactly this language, also a deleted one; by default the current one
    #[arg(long, requires = "name", value_parser = clap::value_parser!(i32).range(1..))]
    version: Option<i32>,
    /// The subject of an e-mail, or the title of a push message
    #[arg(long, conflicts_with = "name")]
    subject: Option<String>,
    /// The file with the text
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// The file with the HTML of an e-mail
    #[arg(long, value_name = "FILE", conflicts_with = "name")]
    html: Option<PathBuf>,
    /// The variables: a JSON object
    #[arg(long, default_value = "{}")]
    variables: String,
}

/// Renders files or a saved template. The exit code is 1 if something is wrong with them. `database` is opened for a saved
/// template only.
pub async fn run(
    args: Args,
    database: impl FnOnce() -> anyhow::Result<Database>,
) -> anyhow::Result<CommandOutput> {
    let Args {
        name,
        channel,
        locale,
        version,
        subject,
        text,
        html,
        variables,
    } = args;
    let variables = Json::object(&variables).context("--variables must be a JSON object")?;
    match (name, text) {
        (Some(name), _) => {
            let wanted = (channel, locale.as_ref(), version);
            let found = find(&database()?, &name, wanted).await?;
            let Some(row) = found else {
                bail!("there is no such template {name}: see `tidings templates list`");
            };
            rendered(row.source(), channel, &variables, Some(&row))
        }
        (None, Some(text)) => {
            let parts = Parts {
                subject,
                text,
                html,
            };
            let source = Source::read(&parts, channel)?;
            rendered(source.source(), channel, &variables, None)
        }
        (None, None) => bail!("give the name of a template, or --text FILE"),
    }
}

/// Finds the template that a notification would use, or the version of exactly this language.
async fn find(
    database: &Database,
    name: &TemplateName,
    (channel, locale, version): (Channel, Option<&Locale>, Option<i32>),
) -> anyhow::Result<Option<TemplateRow>> {
    let found = database.run(async |client| {
        if version.is_none() {
            let wanted = locale.map(Locale::as_str);
            return templates::resolve(client, name.as_str(), channel, wanted).await;
        }
        let fallback = Locale::fallback();
        let key = TemplateKey {
            name,
            channel,
            locale: locale.unwrap_or(&fallback),
        };
        templates::find(client, key, version).await
    });
    Ok(found.await?)
}

fn rendered(
    source: TemplateSource<'_>,
    channel: Channel,
    variables: &Object,
    saved: Option<&TemplateRow>,
) -> anyhow::Result<CommandOutput> {
    let DraftRendering {
        subject,
        text: body,
        html,
        problems,
    } = render_draft(source, variables);
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
    let mut found: Vec<Value> = problems.iter().map(problem_json).collect();
    if let (true, Some(body)) = (problems.is_empty(), &body) {
        let message = Rendered {
            subject: subject.clone(),
            text: body.clone(),
            html: html.clone(),
        };
        let refused = message.content(channel, variables).err();
        for problem in refused.unwrap_or_default() {
            let (field, message) = (&problem.field, &problem.message);
            text.line(format_args!("ERROR    {field} {message}"));
            found.push(json!({"part": field, "line": null, "column": null, "code": "not_sendable", "message": message}));
        }
    }
    let is_valid = found.is_empty();
    let template = saved.map(|row| {
        json!({"name": row.name, "channel": row.channel, "locale": row.locale, "version": row.version})
    });
    let json = json!({
        "template": template,
        "subject": subject,
        "text": body,
        "html": html,
        "problems": found,
    });
    Ok(CommandOutput::new(text, json)?.success_if(is_valid))
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
