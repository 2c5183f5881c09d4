use jiff::Timestamp;
use serde::Serialize;
use tidings_db::templates::{TemplateRow, TemplateVersionRow};
use utoipa::ToSchema;

/// A version of a template, without its parts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateVersion {
    /// The name by which notifications refer to the template.
    #[schema(example = "welcome")]
    pub name: String,
    /// The channel: `email`, `sms` or `push`.
    #[schema(example = "email")]
    pub channel: String,
    /// The language, or `default`.
    #[schema(example = "de-AT")]
    pub locale: String,
    /// Counted from 1. The largest is the current version.
    pub version: i32,
    /// When the version was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When the template was deleted; null if it was not.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deleted_at: Option<Timestamp>,
    /// Whether notifications with this template are sensitive.
    pub sensitive: bool,
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
            sensitive: version.sensitive,
        }
    }
}

/// A version of a template.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Template)]
pub struct TemplateView {
    /// Identifies the version.
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
                sensitive: template.sensitive,
            },
            subject: template.subject,
            text: template.text,
            html: template.html,
        }
    }
}

/// A page of the versions of a template.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateVersionPage {
    /// Newest first.
    pub templates: Vec<TemplateVersion>,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<String>,
}

/// A page of templates.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplatePage {
    /// The current version of each template, ordered by name, channel and locale.
    pub templates: Vec<TemplateVersion>,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<String>,
}
