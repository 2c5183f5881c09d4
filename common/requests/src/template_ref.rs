//! The field `template` of a notification.

use tidings_domain::content::TemplateRef;
use tidings_domain::notification::Channel;
use tidings_templates::{Locale, TemplateName};

use crate::{InvalidObject, ObjectReader, values};

const FIELDS: [&str; 2] = ["name", "locale"];

/// Whether a template can render notifications of this channel: only those that people read.
#[must_use]
pub const fn is_supported_by(channel: Channel) -> bool {
    matches!(channel, Channel::Email | Channel::Sms | Channel::Push)
}

/// Reads the field `template`, if it is present.
pub fn read<E: From<InvalidObject>>(reader: &mut ObjectReader<'_, E>) -> Option<TemplateRef> {
    let expected = "must be an object with name and, if need be, locale";
    reader.optional_object("template", &FIELDS, expected, |reader| {
        let name = reader.required("name", values::parsed::<TemplateName>);
        let locale = reader.optional("locale", values::parsed::<Locale>);
        Some(TemplateRef {
            name: name?.to_string(),
            locale: locale.map(|locale| locale.to_string()),
        })
    })
}
