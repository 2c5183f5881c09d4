//! Templates of messages, and their sandbox.
//!
//! The language is the Jinja of [`minijinja`]. A missing variable is an error, so that no message starts with "Hello ,".
//! In HTML, variables are escaped. The authors of templates are not trusted: a template reaches no files and no settings,
//! and its time and memory are limited. The engine counts instructions (its fuel), but the cost of a single instruction
//! may be large. Therefore each template is rewritten before it runs: expensive instructions become calls of filters that
//! count their cost (`rewrite`, `meter`).

mod cost;
mod digest;
mod error;
mod escape;
mod folding;
mod functions;
mod locale;
mod message;
mod meter;
mod name;
mod numbers;
mod operators;
mod render;
mod rewrite;
mod syntax;
#[cfg(test)]
mod tests;

pub use digest::digest_template;
pub use error::{RenderError, TemplatePart, TemplateProblem};
pub use locale::{InvalidLocale, Locale};
pub use message::{MessageContent, MessageError, UNSUBSCRIBE_VARIABLE, message_content};
pub use name::{InvalidName, TemplateName};
pub use render::{DraftRendering, MAX_OUTPUT, check, render, render_draft};

/// The sources of a template, by part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateSource<'a> {
    /// An e-mail's subject or a push message's title.
    pub subject: Option<&'a str>,
    /// The text.
    pub text: &'a str,
    /// An e-mail's HTML part.
    pub html: Option<&'a str>,
}
