//! The built-in templates of digests, for categories that have none of their own.

use tidings_db::notifications::ClaimedNotification;
use tidings_db::templates::{self, TemplateRow};
use tidings_domain::content::TemplateRef;
use tidings_domain::digest::template_name;

/// The built-in template, if `notification` is a digest that asks for the template of its category. `None` for webhooks, whose
/// payload has no template.
pub(super) fn built_in(
    notification: &ClaimedNotification,
    wanted: &TemplateRef,
) -> Option<TemplateRow> {
    let category = notification.category.as_ref()?;
    let is_digest = notification.is_of_digest && wanted.name == template_name(&category.name);
    let channel = notification.channel?.delivered()?;
    is_digest
        .then(|| templates::built_in_digest(&wanted.name, channel))
        .flatten()
}
