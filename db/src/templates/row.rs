use jiff::Timestamp;
use tidings_domain::notification::Channel;
use tidings_templates::{Locale, TemplateName, TemplateSource};

/// The key that all versions of a template share.
#[derive(Clone, Copy, Debug)]
pub struct TemplateKey<'a> {
    /// The name that notifications use.
    pub name: &'a TemplateName,
    /// `email`, `sms` or `push`.
    pub channel: Channel,
    /// The locale.
    pub locale: &'a Locale,
}

/// One version, without its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateVersionRow {
    /// The name that notifications use.
    pub name: String,
    /// The channel's name.
    pub channel: String,
    /// The locale, or `default`.
    pub locale: String,
    /// Counts from 1.
    pub version: i32,
    /// When this version was inserted.
    pub created_at: Timestamp,
    /// When this version was deleted.
    pub deleted_at: Option<Timestamp>,
    /// Whether notifications with this template are sensitive.
    pub sensitive: bool,
}

/// One version with its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateRow {
    /// The name that notifications use.
    pub name: String,
    /// The channel's name.
    pub channel: String,
    /// The locale, or `default`.
    pub locale: String,
    /// Counts from 1.
    pub version: i32,
    /// When this version was inserted.
    pub created_at: Timestamp,
    /// When this version was deleted.
    pub deleted_at: Option<Timestamp>,
    /// Whether notifications with this template are sensitive.
    pub sensitive: bool,
    /// An e-mail's subject or a push message's title.
    pub subject: Option<String>,
    /// The text.
    pub text: String,
    /// An e-mail's HTML part.
    pub html: Option<String>,
}

pub(super) const VERSION: &str =
    "name, channel, locale, version, created_at, deleted_at, sensitive";

impl From<&tokio_postgres::Row> for TemplateVersionRow {
    /// Converts a row of `VERSION`.
    fn from(row: &tokio_postgres::Row) -> Self {
        Self {
            name: row.get(0),
            channel: row.get(1),
            locale: row.get(2),
            version: row.get(3),
            created_at: row.get(4),
            deleted_at: row.get(5),
            sensitive: row.get(6),
        }
    }
}

impl From<&tokio_postgres::Row> for TemplateRow {
    /// Converts a row of `VERSION, subject, text, html`.
    fn from(row: &tokio_postgres::Row) -> Self {
        Self {
            name: row.get(0),
            channel: row.get(1),
            locale: row.get(2),
            version: row.get(3),
            created_at: row.get(4),
            deleted_at: row.get(5),
            sensitive: row.get(6),
            subject: row.get(7),
            text: row.get(8),
            html: row.get(9),
        }
    }
}

impl TemplateRow {
    /// The parts to render.
    #[must_use]
    pub fn source(&self) -> TemplateSource<'_> {
        TemplateSource {
            subject: self.subject.as_deref(),
            text: &self.text,
            html: self.html.as_deref(),
        }
    }
}
