use jiff::Timestamp;
use tidings_domain::notification::{Channel, DeliveredChannel};

use super::TemplateRow;

/// The version of built-in templates.
pub const BUILT_IN: i32 = 0;

/// The built-in template of digests, as if it were in the table. `None` for webhooks, which have none.
#[must_use]
pub fn built_in_digest(name: &str, channel: DeliveredChannel) -> Option<TemplateRow> {
    let source = tidings_templates::digest_template(channel)?;
    Some(TemplateRow {
        name: name.to_owned(),
        channel: Channel::from(channel).as_str().to_owned(),
        locale: "default".to_owned(),
        version: BUILT_IN,
        created_at: Timestamp::UNIX_EPOCH,
        deleted_at: None,
        sensitive: false,
        subject: source.subject.map(str::to_owned),
        text: source.text.to_owned(),
        html: source.html.map(str::to_owned),
    })
}
