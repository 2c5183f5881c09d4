//! The field `digest` of a notification.

use tidings_domain::digest::DigestKey;
use tidings_domain::notification::Channel;

use crate::{InvalidObject, ObjectReader, values};

/// The field.
pub const DIGEST: &str = "digest";

/// Reads the field, if it is present.
pub fn read<E: From<InvalidObject>>(reader: &mut ObjectReader<'_, E>) -> Option<DigestKey> {
    let expected = "must be an object with key";
    reader.optional_object(DIGEST, &["key"], expected, |reader| {
        reader.required("key", values::parsed)
    })
}

/// What is wrong with a notification that has the field. The message continues "it …".
#[must_use]
pub const fn problem(
    channel: Channel,
    has_user: bool,
    has_category: bool,
    names_recipient: bool,
) -> Option<&'static str> {
    if channel.delivered().is_none() {
        Some("is not taken for in-app: an inbox shows each notification")
    } else if !has_category {
        Some("is only taken with category, which says how often digests are sent")
    } else if !has_user {
        Some("is only taken with targetUserId: a digest is for a user")
    } else if names_recipient {
        Some(
            "must not be given beside the recipient in payload: a digest goes to the contacts of the user",
        )
    } else {
        None
    }
}
