use tidings_domain::category::CategoryName;
use tidings_domain::content::{Json, TemplateRef};
use tidings_domain::digest::template_name;
use tidings_domain::link_rule::LinkRule;
use tidings_domain::notification::{Channel, MessageId, UserId};
use tidings_templates::{
    Locale, MessageContent, MessageError, TemplateName, UNSUBSCRIBE_VARIABLE, message_content,
};

use super::read::{NotificationRow, PayloadReader, find};
use crate::GenericClient;
use crate::categories;
use crate::delivery_attempts::UsedTemplate;
use crate::error::DbError;
use crate::templates::{self, BUILT_IN, TemplateKey, TemplateRow, built_in_digest};

/// What a message is rendered from.
#[derive(Clone, Debug)]
pub struct Rendering {
    /// The notification.
    pub row: NotificationRow,
    /// The attempt whose template this is, counted from 0; `None` if no attempt has used one.
    pub attempt: Option<i32>,
    /// The template of the attempt, in its version. Without such an attempt, the one that the next attempt would use. `None`
    /// if the notification has no template, or if it does not exist.
    pub template: Option<TemplateRow>,
    /// Whether the category makes e-mails have a link to unsubscribe, if the installation makes links.
    pub makes_link: bool,
}

/// Why there is no message.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RenderingError {
    /// The row has another type than this version knows, or no JSON object. Only SQL can have written it.
    #[error("the row cannot be read")]
    Row,
    /// There is no such template, or no such version of it.
    #[error("there is no such template")]
    NoTemplate,
    /// The message cannot be made.
    #[error(transparent)]
    Message(#[from] MessageError),
}

impl RenderingError {
    /// Whether the text may quote a template.
    #[must_use]
    pub const fn quotes_template(&self) -> bool {
        matches!(self, Self::Message(MessageError::Template(_)))
    }
}

impl Rendering {
    /// What the recipient reads; `None` if the payload is hidden from `reader`, or erased. `makes_links`: whether the
    /// installation makes links to unsubscribe, which are replaced.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no message.
    pub fn content(
        &self,
        reader: PayloadReader,
        makes_links: bool,
    ) -> Result<Option<MessageContent>, RenderingError> {
        let row = &self.row;
        let Some(payload) = row.payload_for(reader) else {
            return Ok(None);
        };
        if row.payload_removed_at.is_some() {
            return Ok(None);
        }
        let channel: Channel = row.r#type.parse().map_err(|_| RenderingError::Row)?;
        let payload = Json::object(payload).map_err(|_| RenderingError::Row)?;
        if row.template.is_some() && self.template.is_none() {
            return Err(RenderingError::NoTemplate);
        }
        let given = payload.get(UNSUBSCRIBE_VARIABLE.0).and_then(Json::as_str);
        let is_given = given.is_some_and(|url| !url.trim().is_empty());
        let own = (makes_links && self.makes_link && !is_given).then_some(UNSUBSCRIBE_VARIABLE);
        let source = self.template.as_ref().map(TemplateRow::source);
        Ok(Some(message_content(channel, &payload, source, own)?))
    }
}

/// Finds what the message of the notification `id` is rendered from, of `owner` if one is given: by its last attempt, or by
/// `attempt`.
///
/// # Errors
///
/// Returns the error of a query.
pub async fn find_rendering(
    client: &impl GenericClient,
    id: MessageId,
    owner: Option<UserId>,
    attempt: Option<i32>,
) -> Result<Option<Rendering>, DbError> {
    let Some(row) = find(client, id, owner).await? else {
        return Ok(None);
    };
    let channel: Option<Channel> = row.r#type.parse().ok();
    let category: Option<CategoryName> = row.category.as_deref().and_then(|name| name.parse().ok());
    let used = used_template(client, id, attempt).await?;
    let template = match (&row.template, channel) {
        (Some(wanted), Some(channel)) => {
            let used = used.as_ref().map(|(_, used)| used);
            let found = find_template(client, wanted, channel, used).await?;
            let is_digest = row.digest_id.is_some()
                && category
                    .as_ref()
                    .is_some_and(|name| wanted.name == template_name(name));
            let built_in = || {
                let channel = channel.delivered().filter(|_| is_digest)?;
                built_in_digest(&wanted.name, channel)
            };
            found.or_else(built_in)
        }
        _ => None,
    };
    let category = match (&category, channel) {
        (Some(name), Some(Channel::Email)) => categories::find(client, name).await?,
        _ => None,
    };
    let rule = LinkRule::of(category.map(|one| (one.category.kind, one.category.unsubscribe)));
    Ok(Some(Rendering {
        row,
        attempt: used.map(|(attempt, _)| attempt),
        template,
        makes_link: rule.makes_links(),
    }))
}

/// The template of the last attempt, or of `attempt`, that has used one.
async fn used_template(
    client: &impl GenericClient,
    id: MessageId,
    attempt: Option<i32>,
) -> Result<Option<(i32, UsedTemplate)>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT attempt, template_name, template_locale, template_version FROM delivery_attempts
             WHERE message_id = $1 AND template_name IS NOT NULL AND template_locale IS NOT NULL
               AND template_version IS NOT NULL AND ($2::integer IS NULL OR attempt = $2)
             ORDER BY id DESC LIMIT 1",
        )
        .await?;
    let row = client
        .query_opt(&statement, &[&id.as_uuid(), &attempt])
        .await?;
    Ok(row.map(|row| {
        let used = UsedTemplate {
            name: row.get(1),
            locale: row.get(2),
            version: row.get(3),
        };
        (row.get(0), used)
    }))
}

async fn find_template(
    client: &impl GenericClient,
    wanted: &TemplateRef,
    channel: Channel,
    used: Option<&UsedTemplate>,
) -> Result<Option<TemplateRow>, DbError> {
    let Some(used) = used else {
        return templates::resolve(client, &wanted.name, channel, wanted.locale.as_deref()).await;
    };
    let names = (
        used.name.parse::<TemplateName>(),
        used.locale.parse::<Locale>(),
    );
    match names {
        (Ok(name), Ok(locale)) if used.version != BUILT_IN => {
            let key = TemplateKey {
                name: &name,
                channel,
                locale: &locale,
            };
            templates::find(client, key, Some(used.version)).await
        }
        _ => Ok(None),
    }
}
