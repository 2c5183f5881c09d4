use rstest::rstest;

use super::*;

const USER: &str = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a";

fn of_payload(payload: &str) -> Fingerprint {
    let payload = RawValue::from_string(payload.to_owned()).expect("JSON");
    Fingerprint::of(&given(&payload))
}

fn given(payload: &RawValue) -> GivenNotification<'_> {
    GivenNotification {
        user_id: Some(USER.parse().expect("a UUID")),
        channel: Channel::InApp,
        payload,
        template: None,
        send_at: None,
        expiry: None,
        group: None,
        sensitive: false,
        category: None,
        digest_key: None,
    }
}

fn payload() -> Box<RawValue> {
    RawValue::from_string(r#"{"title": "Hi"}"#.to_owned()).expect("JSON")
}

fn send_at(json: &str) -> SendAt {
    let value = RawValue::from_string(json.to_owned()).expect("JSON");
    SendAt::read(&value, "sendAt").expect("valid")
}

/// Rows and messages of older programs hold fingerprints of version 1.
#[test]
fn a_fingerprint_of_this_version_never_changes() {
    let payload = payload();
    let text = canonical(&given(&payload));
    let expected =
        format!(r#"{{"payload":{{"title":"Hi"}},"targetUserId":"{USER}","type":"in-app"}}"#);
    assert_eq!(String::from_utf8(text).expect("UTF-8"), expected);
    let expected = "019ba23bbbd5a176c2d996c7b4765d3738";
    assert_eq!(of_payload(r#"{"title": "Hi"}"#).to_string(), expected);
}

#[rstest]
#[case(
    r#"{"a": 1, "b": {"c": [], "d": "ü"}}"#,
    r#"{"b":{"d":"\u00fc","c":[ ]},"a":1}"#
)]
#[case(r#"{"amount": 10.10}"#, r#"{"amount": 1.01e1}"#)]
#[case(r#"{"a": 1, "a": 2}"#, r#"{"a": 2}"#)]
fn spelling_does_not_matter(#[case] one: &str, #[case] other: &str) {
    assert_eq!(of_payload(one), of_payload(other));
}

#[rstest]
#[case(r#"{"id": 18446744073709551616}"#, r#"{"id": 18446744073709551617}"#)]
#[case(r#"{"id": 1}"#, r#"{"id": "1"}"#)]
#[case(r#"{"a": [1, 2]}"#, r#"{"a": [2, 1]}"#)]
#[case(r#"{"a": null}"#, "{}")]
#[case("{\"a\": \"ü\"}", "{\"a\": \"u\u{308}\"}")]
fn other_payloads_have_other_fingerprints(#[case] one: &str, #[case] other: &str) {
    let (one, other) = (Some(of_payload(one)), Some(of_payload(other)));
    assert!(Fingerprint::differ(one, other));
}

#[test]
fn every_member_counts() {
    let payload = payload();
    let plain = given(&payload);
    let other_user = Some(UserId::from(uuid::Uuid::nil()));
    let template = |locale: Option<&str>| TemplateRef {
        name: "welcome".to_owned(),
        locale: locale.map(str::to_owned),
    };
    let templates = [template(None), template(Some("de"))];
    let times = [
        send_at("\"2027-03-28T09:00:00Z\""),
        send_at(r#"{"local": "2027-03-28T09:00", "timezone": "UTC"}"#),
        send_at(r#"{"local": "2027-03-28T09:00", "timezone": "Europe/Berlin"}"#),
    ];
    let at = "2027-03-28T09:00:00Z".parse().expect("a timestamp");
    let groups = ["a", "b"].map(|group| group.parse::<GroupKey>().expect("valid"));
    let mut all = vec![
        plain,
        GivenNotification {
            user_id: other_user,
            ..plain
        },
        GivenNotification {
            user_id: None,
            ..plain
        },
        GivenNotification {
            channel: Channel::Sms,
            ..plain
        },
    ];
    for template in &templates {
        all.push(GivenNotification {
            template: Some(template),
            ..plain
        });
    }
    for send_at in &times {
        all.push(GivenNotification {
            send_at: Some(send_at),
            ..plain
        });
    }
    for expiry in [Expiry::At(at), Expiry::After(1), Expiry::After(2)] {
        all.push(GivenNotification {
            expiry: Some(expiry),
            ..plain
        });
    }
    for group in &groups {
        all.push(GivenNotification {
            group: Some(group),
            ..plain
        });
    }
    all.push(GivenNotification {
        sensitive: true,
        ..plain
    });
    let categories = ["a", "b"].map(|category| category.parse::<CategoryName>().expect("valid"));
    for category in &categories {
        all.push(GivenNotification {
            category: Some(category),
            ..plain
        });
    }
    let keys = ["a", "b"].map(|key| key.parse::<DigestKey>().expect("valid"));
    for key in &keys {
        all.push(GivenNotification {
            digest_key: Some(key),
            ..plain
        });
    }
    let mut fingerprints: Vec<_> = all.iter().map(|one| Fingerprint::of(one).0).collect();
    fingerprints.sort_unstable();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), all.len());
}

#[test]
fn an_instant_has_one_fingerprint_in_every_offset() {
    let payload = payload();
    let of = |text: &str| {
        let send_at = send_at(text);
        Fingerprint::of(&GivenNotification {
            send_at: Some(&send_at),
            ..given(&payload)
        })
    };
    let one = of("\"2027-03-28T09:00:00+02:00\"");
    assert_eq!(one, of("\"2027-03-28T07:00:00.000Z\""));
}

#[test]
fn an_absent_fingerprint_and_another_version_differ_from_none() {
    let (one, other) = (of_payload("{}"), of_payload(r#"{"a": 1}"#));
    let mut of_next_version = other;
    of_next_version.0[0] = VERSION + 1;
    assert!(Fingerprint::differ(Some(one), Some(other)));
    for same in [None, Some(one), Some(of_next_version)] {
        assert!(!Fingerprint::differ(Some(one), same));
        assert!(!Fingerprint::differ(same, Some(one)));
    }
    assert!(!Fingerprint::differ(None, None));
}

#[test]
fn its_text_and_its_bytes_are_read_back() {
    let fingerprint = of_payload("{}");
    let json = serde_json::to_string(&fingerprint).expect("JSON");
    assert_eq!(json.len(), 2 + 2 * LENGTH);
    assert_eq!(
        serde_json::from_str::<Fingerprint>(&json).expect("its text"),
        fingerprint
    );
    assert_eq!(
        Fingerprint::from_bytes(fingerprint.as_bytes()),
        Some(fingerprint)
    );
    for wrong in [
        "\"\"",
        "\"01\"",
        "7",
        &json.replace("\"01", "\"0g"),
        &json.replace("\"01", "\"011"),
    ] {
        assert!(
            serde_json::from_str::<Fingerprint>(wrong).is_err(),
            "{wrong}"
        );
    }
    assert_eq!(Fingerprint::from_bytes(&[1; LENGTH + 1]), None);
}
