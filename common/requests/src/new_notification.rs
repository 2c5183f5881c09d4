use serde_json::value::RawValue;
use tidings_domain::category::CategoryName;
use tidings_domain::content::{PayloadAddresses, TemplateRef};
use tidings_domain::digest::DigestKey;
use tidings_domain::notification::{
    Channel, GivenNotification, UnknownChannel, UserId, payload_problem,
};

use crate::times::{self, NotificationTimes};
use crate::{InvalidObject, ObjectReader, digest_ref, template_ref, values};

/// The fields of a notification.
pub const FIELDS: [&str; 11] = {
    let [send_at, expires_at, ttl_secs, group] = times::FIELDS;
    [
        TARGET_USER,
        "type",
        "payload",
        "template",
        send_at,
        expires_at,
        ttl_secs,
        group,
        SENSITIVE,
        CATEGORY,
        digest_ref::DIGEST,
    ]
};

const TARGET_USER: &str = "targetUserId";

const SENSITIVE: &str = "sensitive";

const CATEGORY: &str = "category";

/// Who may receive a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowedRecipients {
    /// A user.
    Users,
    /// A user, or the address in the payload, whose owner need not be a user.
    UsersAndAddresses,
}

/// The notification that a client asks for, validated.
#[derive(Debug)]
pub struct NewNotification<'a> {
    /// `targetUserId`. `None` only if `addresses` name the recipient.
    pub user_id: Option<UserId>,
    /// `type`.
    pub channel: Channel,
    /// The payload: an object that is valid for the channel, as the client wrote it.
    pub payload: &'a RawValue,
    /// `template`.
    pub template: Option<TemplateRef>,
    /// The addresses in the payload.
    pub addresses: PayloadAddresses,
    /// When it is to be sent, and its group.
    pub times: NotificationTimes,
    /// Whether the payload must never be shown.
    pub sensitive: bool,
    /// `category`: a valid name, whose category need not exist.
    pub category: Option<CategoryName>,
    /// The key in `digest`.
    pub digest_key: Option<DigestKey>,
}

impl<'a> NewNotification<'a> {
    /// Parses a body.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong.
    pub fn parse(body: &'a [u8]) -> Result<Self, InvalidObject> {
        let mut reader = ObjectReader::<InvalidObject>::parse(body, &FIELDS, "notification")?;
        let new = Self::read(&mut reader, AllowedRecipients::UsersAndAddresses);
        reader.finish(new)
    }

    /// Reads the fields of a notification. Returns `None` if a field that it needs is missing or wrong;
    /// `reader` holds the problems.
    pub fn read<E: From<InvalidObject>>(
        reader: &mut ObjectReader<'a, E>,
        allowed: AllowedRecipients,
    ) -> Option<Self> {
        let user = reader
            .has(TARGET_USER)
            .then(|| reader.required(TARGET_USER, values::uuid));
        let channel = reader.required("type", read_channel);
        let payload = reader.required("payload", read_payload);
        let is_templated = reader.value("template").is_some();
        let template = template_ref::read(reader);
        let times = NotificationTimes::read(reader);
        let sensitive = reader.optional(SENSITIVE, values::boolean);
        let category = reader.optional(CATEGORY, values::parsed);
        let digest_key = digest_ref::read(reader);
        if let Some(channel) =
            channel.filter(|channel| is_templated && !template_ref::is_supported_by(*channel))
        {
            let message = format!("is taken for email, sms and push, not for {channel}");
            reader.invalid("template", message);
        }
        let content = channel.zip(payload);
        let addresses = content
            .map(|(channel, payload)| PayloadAddresses::read(channel, payload, is_templated));
        if user.is_none() {
            let names_recipient = match &addresses {
                Some(Ok(addresses)) => addresses.names_recipient,
                _ => content.is_some_and(|(channel, payload)| {
                    PayloadAddresses::name_recipient(channel, payload)
                }),
            };
            allowed.check_missing_user(reader, channel, names_recipient);
        }
        if let Some(channel) = channel.filter(|_| reader.value(digest_ref::DIGEST).is_some()) {
            let names_recipient = content.is_some_and(|(channel, payload)| {
                PayloadAddresses::name_recipient(channel, payload)
            });
            let has_category = reader.value(CATEGORY).is_some();
            let found = digest_ref::problem(channel, user.is_some(), has_category, names_recipient);
            if let Some(problem) = found {
                reader.invalid(digest_ref::DIGEST, problem);
            }
        }
        let (channel, payload) = content?;
        Some(Self {
            addresses: reader.merge(addresses?)?,
            user_id: match user {
                Some(user) => Some(user?),
                None => None,
            },
            channel,
            payload,
            template,
            times,
            sensitive: sensitive.unwrap_or(false),
            category,
            digest_key,
        })
    }
}

impl AllowedRecipients {
    /// Reports that the user is missing, unless the payload names the recipient and may do so alone.
    fn check_missing_user<E: From<InvalidObject>>(
        self,
        reader: &mut ObjectReader<'_, E>,
        channel: Option<Channel>,
        names_recipient: bool,
    ) {
        let allows_addresses = self == Self::UsersAndAddresses;
        if names_recipient && allows_addresses {
            return;
        }
        let has_addresses = channel.is_some_and(|channel| channel.delivered().is_some());
        reader.missing(
            TARGET_USER,
            if has_addresses && allows_addresses {
                "is required, unless payload.to names the recipient (with the scope notifications:send:any)"
            } else {
                "is required"
            },
        );
    }
}

impl NewNotification<'_> {
    /// What the client asks for, for the fingerprint of its request.
    #[must_use]
    pub fn given(&self) -> GivenNotification<'_> {
        let Self {
            user_id,
            channel,
            payload,
            template,
            // A part of the payload.
            addresses: _,
            times:
                NotificationTimes {
                    send_at,
                    expiry,
                    group,
                },
            sensitive,
            category,
            digest_key,
        } = self;
        GivenNotification {
            user_id: *user_id,
            channel: *channel,
            payload,
            template: template.as_ref(),
            send_at: send_at.as_ref(),
            expiry: *expiry,
            group: group.as_ref(),
            sensitive: *sensitive,
            category: category.as_ref(),
            digest_key: digest_key.as_ref(),
        }
    }
}

/// Refuses a payload that is not an object or that PostgreSQL cannot store.
fn read_payload(value: &RawValue) -> Result<&RawValue, String> {
    payload_problem(value.get()).map_or(Ok(value), Err)
}

fn read_channel(value: &RawValue) -> Result<Channel, String> {
    values::string(value)
        .map_err(|_| UnknownChannel)
        .and_then(|text| text.parse())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
