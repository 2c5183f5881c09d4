//! Templates: what a message says, with places for what differs from one to the next.
//!
//! The language is Jinja, as [`minijinja`] speaks it. A variable that is not there is an error, so that
//! nobody is greeted as "Hello ,"; in HTML, variables are escaped. Who may write templates is not trusted
//! with the program: they reach no files and no settings, and whatever they compute, it ends soon and
//! takes little memory. The engine counts instructions (its fuel); what a single instruction can hide is
//! counted by what the template is rewritten to call before it is run (`rewrite`, `meter`).

mod error;
mod folding;
mod functions;
mod locale;
mod meter;
mod name;
mod numbers;
mod operators;
mod render;
mod rewrite;
mod syntax;
#[cfg(test)]
mod tests;
mod work;

pub use error::{Part, Problem, RenderError};
pub use locale::{InvalidLocale, Locale};
pub use name::{InvalidName, TemplateName};
pub use render::{MAX_OUTPUT, check, render};

/// The sources of a template, by part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// An e-mail's subject or a push message's title.
    pub subject: Option<&'a str>,
    /// The text.
    pub text: &'a str,
    /// An e-mail's HTML part.
    pub html: Option<&'a str>,
}
