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
