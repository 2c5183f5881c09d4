use serde_json::value::RawValue;
use tidings_domain::content::{PayloadAddresses, TemplateRef};
use tidings_domain::notification::{
    Channel, GivenNotification, UnknownChannel, UserId, payload_problem,
};

use crate::times::{self, NotificationTimes};
use crate::{InvalidObject, ObjectReader, template_ref, values};

/// The fields of a notification.
pub const FIELDS: [&str; 9] = {
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
    ]
};

const TARGET_USER: &str = "targetUserId";

const SENSITIVE: &str = "sensitive";

/// Whom a notification may be for.
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USER: &str = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a";

    fn rejected(body: &str) -> (String, Vec<String>) {
        let error = NewNotification::parse(body.as_bytes()).expect_err(body);
        let shown = format!("{}: {error}", error.code());
        let fields = error.into_problems().into_iter().map(|it| it.field);
        (shown, fields.collect())
    }

    #[test]
    fn a_notification_is_read() {
        let body =
            format!(r#"{{"targetUserId": "{USER}", "type": "sms", "payload": {{"text":  "Hi"}}}}"#);
        let read = NewNotification::parse(body.as_bytes()).expect("valid");
        assert_eq!(read.user_id, Some(USER.parse().expect("a UUID")));
        assert_eq!(read.channel, Channel::Sms);
        assert_eq!(read.payload.get(), r#"{"text":  "Hi"}"#, "as it was sent");
        assert!(read.template.is_none() && !read.addresses.chosen_by_client);
    }

    #[test]
    fn the_user_may_be_left_out_if_the_payload_names_the_recipient() {
        let with = |channel: &str, payload: &str, more: &str| {
            format!(r#"{{"type": "{channel}", "payload": {payload}{more}}}"#)
        };
        let template = r#", "template": {"name": "invitation"}"#;
        for (channel, payload, more) in [
            (
                "email",
                r#"{"to": "a@example.com", "subject": "s", "text": "t"}"#,
                "",
            ),
            ("email", r#"{"to": "a@example.com"}"#, template),
            (
                "sms",
                r#"{"phoneNumber": "+4915112345678", "text": "t"}"#,
                "",
            ),
        ] {
            let body = with(channel, payload, more);
            let read = NewNotification::parse(body.as_bytes()).expect(&body);
            assert_eq!(read.user_id, None);
            assert!(read.addresses.chosen_by_client, "{body}");
            let null = with(
                channel,
                payload,
                &format!(r#"{more}, "targetUserId": null"#),
            );
            let (message, fields) = rejected(&null);
            assert!(message.starts_with("invalid_fields: "), "{message}");
            assert_eq!(fields, ["targetUserId"]);
        }
        for (channel, payload, more) in [
            (
                "email",
                r#"{"from": "a@example.com", "subject": "s", "text": "t"}"#,
                "",
            ),
            ("email", r#"{"to": " ", "name": "Anna"}"#, template),
            (
                "webhook",
                r#"{"event": "e", "data": 1, "endpointId": "01a1fe98-0d7a-74bd-bf92-cd0e5bf765d8"}"#,
                "",
            ),
            ("in-app", r#"{"to": "a@example.com"}"#, ""),
        ] {
            let (message, fields) = rejected(&with(channel, payload, more));
            assert_eq!(
                message,
                "missing_fields: Missing required fields: targetUserId"
            );
            assert_eq!(fields, ["targetUserId"]);
        }
        // Other problems of the payload hide neither that it names the recipient, nor that it does not.
        let (_, fields) = rejected(&with("email", r#"{"to": "me", "text": "t"}"#, ""));
        assert_eq!(fields, ["payload.subject", "payload.to"]);
        let (_, fields) = rejected(&with("email", r#"{"text": "t"}"#, ""));
        assert_eq!(fields, ["targetUserId", "payload.subject"]);
    }

    #[test]
    fn every_missing_field_is_named() {
        let (message, fields) = rejected(&format!(r#"{{"targetUserId": "{USER}"}}"#));
        assert_eq!(
            message,
            "missing_fields: Missing required fields: type, payload"
        );
        assert_eq!(fields, ["type", "payload"]);
    }

    #[test]
    fn all_kinds_of_problems_are_reported_at_once() {
        let (message, fields) =
            rejected(r#"{"targetUserId": 7, "type": "pigeon", "type": "sms", "color": 1}"#);
        assert!(message.starts_with("invalid_request: "), "{message}");
        assert_eq!(fields, ["payload", "targetUserId", "type", "color", "type"]);
    }

    fn with(channel: &str, payload: &str, template: &str) -> String {
        format!(
            r#"{{"targetUserId": "{USER}", "type": "{channel}", "payload": {payload}, "template": {template}}}"#
        )
    }

    #[test]
    fn problems_of_a_payload_are_missing_or_invalid_fields() {
        let (message, fields) = rejected(&with("email", r#"{"to": "me", "text": 7}"#, "null"));
        assert!(message.starts_with("invalid_request: "), "{message}");
        assert_eq!(fields, ["payload.subject", "payload.text", "payload.to"]);
        let (message, _) = rejected(&with("push", r#"{"title": "Hi"}"#, "null"));
        let expected = "missing_fields: Missing required fields: payload.body";
        assert_eq!(message, expected);
    }

    #[test]
    fn a_template_replaces_the_required_fields_of_a_payload() {
        for channel in ["email", "sms", "push"] {
            let body = with(
                channel,
                "{}",
                r#"{"name": "order-shipped_2.x", "locale": "de-AT"}"#,
            );
            let read = NewNotification::parse(body.as_bytes()).expect("valid");
            let template = read.template.expect("a template");
            assert_eq!(template.name, "order-shipped_2.x");
            assert_eq!(template.locale.as_deref(), Some("de-AT"));
            assert!(!read.addresses.chosen_by_client);
        }
        let body = with(
            "sms",
            r#"{"phoneNumber": "+4915112345678"}"#,
            r#"{"name": "a"}"#,
        );
        let read = NewNotification::parse(body.as_bytes()).expect("valid");
        assert!(read.addresses.chosen_by_client);
        let (_, fields) = rejected(&with("sms", r#"{"to": "+49"}"#, r#"{"name": "a"}"#));
        assert_eq!(fields, ["payload.to"]);
    }

    #[test]
    fn only_true_makes_a_notification_sensitive() {
        let with = |sensitive: &str| {
            format!(
                r#"{{"targetUserId": "{USER}", "type": "sms", "payload": {{"text": "Hi"}}, "sensitive": {sensitive}}}"#
            )
        };
        for (value, expected) in [("true", true), ("false", false), ("null", false)] {
            let body = with(value);
            let read = NewNotification::parse(body.as_bytes()).expect(value);
            assert_eq!(read.sensitive, expected, "{value}");
        }
        for wrong in ["1", "\"true\"", "{}"] {
            assert_eq!(rejected(&with(wrong)).1, ["sensitive"], "{wrong}");
        }
    }

    #[test]
    fn a_wrong_template_is_rejected() {
        let long = format!(r#"{{"name": "{}"}}"#, "a".repeat(101));
        for (template, field) in [
            ("7", "template"),
            ("[]", "template"),
            ("{}", "template.name"),
            (r#"{"name": ""}"#, "template.name"),
            (r#"{"name": "Welcome"}"#, "template.name"),
            (r#"{"name": "../a"}"#, "template.name"),
            (r#"{"name": null}"#, "template.name"),
            (&long, "template.name"),
            (r#"{"name": "a", "name": "b"}"#, "template.name"),
            (r#"{"name": "-a"}"#, "template.name"),
            (r#"{"name": "a", "locale": "de-"}"#, "template.locale"),
            (r#"{"name": "a", "locale": ""}"#, "template.locale"),
            (r#"{"name": "a", "version": 1}"#, "template.version"),
        ] {
            let (_, fields) = rejected(&with("email", "{}", template));
            assert_eq!(fields, [field], "{template}");
        }
    }

    #[test]
    fn a_template_needs_a_channel_that_people_read() {
        for (channel, payload) in [
            ("in-app", "{}"),
            ("webhook", r#"{"event": "a", "data": 1}"#),
        ] {
            let (message, fields) = rejected(&with(channel, payload, r#"{"name": "a"}"#));
            assert_eq!(fields, ["template"], "{message}");
        }
    }

    #[test]
    fn a_language_is_stored_in_canonical_spelling() {
        for (text, spelled) in [
            ("pt_BR", "pt-BR"),
            ("ZH-hant", "zh-Hant"),
            ("ca-es-valencia", "ca-ES-valencia"),
        ] {
            let template = format!(r#"{{"name": "a", "locale": "{text}"}}"#);
            let body = with("email", "{}", &template);
            let new = NewNotification::parse(body.as_bytes()).expect(text);
            let locale = new.template.and_then(|template| template.locale);
            assert_eq!(locale.as_deref(), Some(spelled));
        }
    }

    #[test]
    fn an_escaped_name_is_the_same_field() {
        let (message, _) = rejected(r#"{"typ\u0065": "sms", "type": "sms"}"#);
        assert!(message.contains("Repeated fields: type"), "{message}");
    }

    #[test]
    fn a_body_that_is_not_an_object_is_rejected() {
        for body in ["", "[]", "7", "{", "null", "{\"type\":}", "\u{feff}{}"] {
            assert!(rejected(body).0.starts_with("invalid_json"), "{body}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_never_a_panic(body: Vec<u8>) {
            let _ = NewNotification::parse(&body);
        }

        #[test]
        fn arbitrary_texts_in_a_payload_are_never_a_panic(channel in "in-app|email|sms|push|webhook", text in ".*") {
            for field in ["to", "subject", "text", "title", "body", "event", "from"] {
                let payload = serde_json::json!({field: text}).to_string();
                let _ = NewNotification::parse(with(&channel, &payload, "null").as_bytes());
                let template = serde_json::json!({"name": text, "locale": text}).to_string();
                let _ = NewNotification::parse(with(&channel, &payload, &template).as_bytes());
            }
        }

        #[test]
        fn arbitrary_texts_in_fields_are_a_client_error(user in ".*", channel in ".*", payload in ".*") {
            let body = serde_json::json!({"targetUserId": user, "type": channel, "payload": payload}).to_string();
            let rejected = NewNotification::parse(body.as_bytes()).expect_err("the payload is no object");
            prop_assert_ne!(rejected, InvalidObject::Unreported);
        }
    }
}
