use jiff::Timestamp;
use serde::Serialize;
use tidings_db::templates::{TemplateRow, TemplateVersionRow};
use utoipa::ToSchema;

/// A version of a template, without what it says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateVersion {
    /// What notifications call it by.
    #[schema(example = "welcome")]
    pub name: String,
    /// `email`, `sms` or `push`.
    #[schema(example = "email")]
    pub channel: String,
    /// Its language, or `default`.
    #[schema(example = "de-AT")]
    pub locale: String,
    /// From 1; the largest is in use.
    pub version: i32,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When the template was deleted, where it was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deleted_at: Option<Timestamp>,
}

impl From<TemplateVersionRow> for TemplateVersion {
    fn from(version: TemplateVersionRow) -> Self {
        Self {
            name: version.name,
            channel: version.channel,
            locale: version.locale,
            version: version.version,
            created_at: version.created_at,
            deleted_at: version.deleted_at,
        }
    }
}

/// A version of a template.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Template)]
pub struct TemplateView {
    /// Which it is.
    #[serde(flatten)]
    version: TemplateVersion,
    /// The source of an e-mail's subject or a push message's title.
    subject: Option<String>,
    /// The source of the text.
    text: String,
    /// The source of an e-mail's HTML part.
    html: Option<String>,
}

impl From<TemplateRow> for TemplateView {
    fn from(template: TemplateRow) -> Self {
        Self {
            version: TemplateVersion {
                name: template.name,
                channel: template.channel,
                locale: template.locale,
                version: template.version,
                created_at: template.created_at,
                deleted_at: template.deleted_at,
            },
            subject: template.subject,
            text: template.text,
            html: template.html,
        }
    }
}

/// Versions of templates.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateVersions {
    /// All of them.
    pub templates: Vec<TemplateVersion>,
}

/// A page of templates.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplatePage {
    /// The version in use of each, by name, channel and locale.
    pub templates: Vec<TemplateVersion>,
    /// The next page's `cursor`; null on the last.
    pub next_cursor: Option<String>,
}
