use proptest::prelude::*;
use serde_json::value::RawValue;

use super::{DecodeError, DeliveryKind, DeliveryRequest, Notification};
use crate::content::TemplateRef;
use crate::notification::{Channel, Fingerprint, MessageId};
use crate::time::DeliveryWindow;

fn notification(payload: &str) -> Notification {
    Notification {
        message_id: MessageId::generate(),
        user_id: Some(uuid::Uuid::now_v7().into()),
        channel: Channel::Email,
        accepted_at: "2026-01-31T12:00:00.123456Z".parse().expect("a timestamp"),
        payload: RawValue::from_string(payload.to_owned()).expect("JSON"),
        template: None,
        sender: Some("orders".to_owned()),
        group: None,
        window: DeliveryWindow::default(),
        fingerprint: None,
        sensitive: false,
        category: None,
        digest_key: None,
        trace: None,
    }
}

#[test]
fn a_decoded_notification_equals_the_encoded_one() {
    let sent = notification(r#"{"title": "Grüße", "n": 1.50, "deep": [{"a": null}]}"#);
    let read = Notification::decode(&sent.encode()).expect("its own wire form");
    assert_eq!(read.message_id, sent.message_id);
    assert_eq!(read.user_id, sent.user_id);
    assert_eq!(read.channel, sent.channel);
    assert_eq!(read.accepted_at, sent.accepted_at);
    assert_eq!(read.payload.get(), sent.payload.get());
    assert_eq!(read.sender, sent.sender);
    assert_eq!(read.window, sent.window);
}

/// An older program would send the notification at once.
#[test]
fn only_a_notification_with_times_has_the_second_version() {
    let mut sent = notification("{}");
    let version = |sent: &Notification| {
        let body: serde_json::Value = serde_json::from_slice(&sent.encode()).expect("JSON");
        body["v"].as_u64().expect("a version")
    };
    assert_eq!(version(&sent), 1);
    let time = Some(sent.accepted_at);
    for window in [
        DeliveryWindow {
            not_before: time,
            expires_at: None,
        },
        DeliveryWindow {
            not_before: None,
            expires_at: time,
        },
    ] {
        sent.window = window;
        assert_eq!(version(&sent), 2);
        let read = Notification::decode(&sent.encode()).expect("its own wire form");
        assert_eq!(read.window, window);
    }
}

/// A program that does not know fingerprints ignores them.
#[test]
fn a_fingerprint_needs_no_second_version_and_one_of_another_form_is_ignored() {
    let mut sent = notification("{}");
    let encoded = |sent: &Notification| String::from_utf8(sent.encode()).expect("UTF-8");
    assert!(!encoded(&sent).contains("fingerprint"));
    sent.fingerprint = Fingerprint::from_bytes(&[1; 17]);
    let body = encoded(&sent);
    assert!(body.starts_with(r#"{"v":1,"#), "{body}");
    let read = Notification::decode(body.as_bytes()).expect("its own wire form");
    assert_eq!(read.fingerprint, sent.fingerprint);
    let own = format!("\"{}\"", "01".repeat(17));
    for other in ["null", "7", "\"02\"", r#"{"sha512": "…"}"#] {
        let body = body.replace(&own, other);
        let read = Notification::decode(body.as_bytes()).expect(other);
        assert_eq!(read.fingerprint, None, "{other}");
    }
}

/// An older program would show the payload and keep it.
#[test]
fn a_sensitive_notification_has_the_second_version() {
    let mut sent = notification("{}");
    let text = |sent: &Notification| String::from_utf8(sent.encode()).expect("UTF-8");
    assert!(!text(&sent).contains("sensitive"));
    sent.sensitive = true;
    assert!(text(&sent).starts_with(r#"{"v":2,"#), "{}", text(&sent));
    let read = Notification::decode(&sent.encode()).expect("its own wire form");
    assert!(read.sensitive);
}

#[test]
fn the_template_is_encoded_if_there_is_one() {
    let mut sent = notification("{}");
    let without = String::from_utf8(sent.encode()).expect("UTF-8");
    assert!(!without.contains("template"), "{without}");
    for locale in [None, Some("de-AT".to_owned())] {
        let name = "welcome".to_owned();
        sent.template = Some(TemplateRef { name, locale });
        let read = Notification::decode(&sent.encode()).expect("its own wire form");
        assert_eq!(read.template, sent.template);
    }
}

/// An older program could not read the row.
#[test]
fn a_notification_without_a_user_has_the_third_version() {
    let mut sent = notification("{}");
    sent.user_id = None;
    for sensitive in [false, true] {
        sent.sensitive = sensitive;
        let body = String::from_utf8(sent.encode()).expect("UTF-8");
        assert!(body.starts_with(r#"{"v":3,"#), "{body}");
        assert!(!body.contains("targetUserId"), "{body}");
        let read = Notification::decode(body.as_bytes()).expect("its own wire form");
        assert_eq!((read.user_id, read.sensitive), (None, sensitive));
        // An older version, or an in-app notification, needs a user.
        for (from, to) in [
            (r#""v":3"#, r#""v":1"#),
            (r#""v":3"#, r#""v":2"#),
            ("email", "in-app"),
        ] {
            let error = Notification::decode(body.replace(from, to).as_bytes());
            let error = error.expect_err("refused");
            assert!(matches!(error, DecodeError::UserMissing), "{error}");
            assert_eq!(error.reason(), "undecodable");
        }
    }
}

/// An older program would not ask what the recipient has chosen.
#[test]
fn a_notification_with_a_category_has_the_fourth_version() {
    let mut sent = notification("{}");
    sent.category = Some("order-updates".parse().expect("a name"));
    for user_id in [sent.user_id, None] {
        sent.user_id = user_id;
        let body = String::from_utf8(sent.encode()).expect("UTF-8");
        assert!(body.starts_with(r#"{"v":4,"#), "{body}");
        let read = Notification::decode(body.as_bytes()).expect("its own wire form");
        assert_eq!(
            (read.user_id, read.category),
            (user_id, sent.category.clone())
        );
        let in_app = Notification::decode(body.replace("email", "in-app").as_bytes());
        assert_eq!(in_app.is_ok(), user_id.is_some());
        let error = Notification::decode(body.replace("order-updates", "*").as_bytes());
        assert_eq!(error.expect_err("no name").reason(), "undecodable");
    }
}

/// An older program would send each notification by itself.
#[test]
fn a_notification_with_the_key_of_a_digest_has_the_fifth_version() {
    let mut sent = notification("{}");
    sent.category = Some("order-updates".parse().expect("a name"));
    sent.digest_key = Some("order:7".parse().expect("a key"));
    let body = String::from_utf8(sent.encode()).expect("UTF-8");
    assert!(body.starts_with(r#"{"v":5,"#), "{body}");
    let read = Notification::decode(body.as_bytes()).expect("its own wire form");
    assert_eq!(read.digest_key, sent.digest_key);
    assert_eq!(read.category, sent.category);
    let newer = body.replace(r#""key":"order:7""#, r#""key":"order:7","at":"noon""#);
    assert!(Notification::decode(newer.as_bytes()).is_ok());
    let error = Notification::decode(body.replace("order:7", "a b").as_bytes());
    assert_eq!(error.expect_err("no key").reason(), "undecodable");
    let request = br#"{"v":5,"messageId":"019a2f6e-5a7c-7cc3-98c4-dc0c0c07398f"}"#;
    let request = DeliveryRequest::decode(request).expect("a version that it reads");
    assert_eq!(request.kind, DeliveryKind::WithCategory);
}

#[test]
fn a_decoded_delivery_request_equals_the_encoded_one() {
    for (has_user, has_category, start) in [
        (true, false, r#"{"v":1,"#),
        (false, false, r#"{"v":3,"#),
        (true, true, r#"{"v":4,"#),
        (false, true, r#"{"v":4,"#),
    ] {
        let sent = DeliveryRequest {
            message_id: MessageId::generate(),
            kind: DeliveryKind::of(has_user, has_category),
        };
        let body = sent.encode();
        assert!(body.starts_with(start.as_bytes()), "{start}");
        assert_eq!(
            DeliveryRequest::decode(&body).expect("its own wire form"),
            sent
        );
    }
}

#[test]
fn an_unknown_version_and_an_invalid_body_are_different_errors() {
    let newer = Notification::decode(br#"{"v": 6, "envelope": {}}"#).expect_err("refused");
    assert_eq!(newer.reason(), "unknown_version");
    let garbage = Notification::decode(b"\xff\x00").expect_err("refused");
    assert_eq!(garbage.reason(), "undecodable");
    let text = Notification::decode(b"\"a secret\"")
        .expect_err("refused")
        .to_string();
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn unknown_fields_are_ignored() {
    let sent = notification("{}");
    let mut body = sent.encode();
    body.pop();
    body.extend_from_slice(br#","colour":"red","template":{"name":"welcome","tone":"warm"}}"#);
    assert!(Notification::decode(&body).is_ok());
}

#[test]
fn a_payload_that_is_not_an_object_and_an_unknown_type_are_refused() {
    let text = String::from_utf8(notification("{}").encode()).expect("UTF-8");
    for (from, to) in [("\"payload\":{}", "\"payload\":[]"), ("email", "pigeon")] {
        assert!(Notification::decode(text.replace(from, to).as_bytes()).is_err());
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_never_a_panic(body: Vec<u8>) {
        let _ = Notification::decode(&body);
        let _ = DeliveryRequest::decode(&body);
    }

    /// Cuts and changes of a valid body reach the decoder's later stages.
    #[test]
    fn damaged_bodies_are_never_a_panic(at in 0usize..300, byte: u8, cut: bool) {
        let mut body = notification(r#"{"a": "\ud83d\ude00"}"#).encode();
        let at = at % body.len();
        if cut { body.truncate(at) } else { body[at] = byte }
        if let Ok(read) = Notification::decode(&body) {
            let object = read.payload.get().starts_with('{');
            prop_assert!(object);
        }
    }
}
