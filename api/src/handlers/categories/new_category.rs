use std::collections::BTreeMap;

use serde_json::value::RawValue;
use tidings_db::categories::NewCategory;
use tidings_domain::category::{MAX_DESCRIPTION, MAX_LABEL, Throttle};
use tidings_domain::content::{Json, Object};
use tidings_domain::digest::{DigestMode, DigestRule};
use tidings_domain::notification::Channel;

use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};

const FIELDS: [&str; 9] = [
    "kind",
    "label",
    "description",
    "defaults",
    "throttle",
    "quiet",
    "listed",
    "unsubscribe",
    "digest",
];

/// Parses the body of a request.
///
/// # Errors
///
/// Returns 400 with everything that is wrong.
pub fn parse(body: &[u8]) -> Result<NewCategory, ApiError> {
    let mut reader = ObjectReader::parse(body, &FIELDS, "category")?;
    let kind = reader.optional("kind", values::parsed);
    let line = |max| {
        move |value: &RawValue| {
            values::nonblank(value)?;
            values::line(max)(value)
        }
    };
    let label = reader.optional("label", line(MAX_LABEL));
    let description = reader.optional("description", line(MAX_DESCRIPTION));
    let defaults = reader.optional("defaults", defaults);
    let throttle = throttle(&mut reader);
    let quiet = reader.optional("quiet", values::parsed);
    let listed = reader.optional("listed", values::boolean);
    let unsubscribe = reader.optional("unsubscribe", values::boolean);
    let digest = digest(&mut reader);
    let new = NewCategory {
        kind: kind.unwrap_or_default(),
        label,
        description,
        defaults: defaults.unwrap_or_default(),
        throttle,
        quiet: quiet.unwrap_or_default(),
        listed: listed.unwrap_or(true),
        unsubscribe: unsubscribe.unwrap_or(false),
        digest,
    };
    for (member, message) in new.ineffective() {
        reader.invalid(member, message);
    }
    reader.finish(Some(new))
}

fn throttle(reader: &mut ObjectReader<'_>) -> Option<Throttle> {
    let expected = "must be an object with limit, windowSecs and, if need be, key";
    let fields = ["limit", "windowSecs", "key"];
    reader.optional_object("throttle", &fields, expected, |reader| {
        let limit = reader.required("limit", number(Throttle::MAX_LIMIT));
        let window_secs = reader.required("windowSecs", number(Throttle::MAX_WINDOW_SECS));
        let key = reader.optional("key", |value| {
            values::nonblank(value)?;
            values::line(Throttle::MAX_KEY)(value)
        });
        Some(Throttle {
            limit: limit?,
            window_secs: window_secs?,
            key,
        })
    })
}

fn digest(reader: &mut ObjectReader<'_>) -> Option<DigestRule> {
    let expected = "must be an object with mode and, if need be, windowSecs and maxItems";
    let fields = ["mode", "windowSecs", "maxItems"];
    reader.optional_object("digest", &fields, expected, |reader| {
        let mode = reader.required("mode", values::parsed);
        let window_secs = reader.optional("windowSecs", number(DigestRule::MAX_WINDOW_SECS));
        if mode == Some(DigestMode::Window) && reader.value("windowSecs").is_none() {
            reader.missing("windowSecs", "is required for the mode window");
        }
        let max_items = reader.optional("maxItems", |value| {
            let (min, max) = (DigestRule::MIN_MAX_ITEMS, DigestRule::MAX_ITEMS);
            let items = number(max)(value).ok().filter(|items| *items >= min);
            items.ok_or_else(|| format!("must be a whole number from {min} to {max}"))
        });
        Some(DigestRule {
            mode: mode?,
            window_secs,
            max_items,
        })
    })
}

fn number(max: u32) -> impl FnOnce(&RawValue) -> Result<u32, String> {
    move |value| {
        let number = serde_json::from_str::<u32>(value.get()).ok();
        number
            .filter(|number| (1..=max).contains(number))
            .ok_or_else(|| format!("must be a whole number from 1 to {max}"))
    }
}

fn defaults(value: &RawValue) -> Result<BTreeMap<Channel, bool>, String> {
    const EXPECTED: &str =
        "must be an object with channels as its members and true or false as their values";
    let object: Object = values::object(value).map_err(|_| EXPECTED.to_owned())?;
    object
        .iter()
        .map(|(channel, enabled)| {
            let channel = channel.parse::<Channel>().ok()?;
            match enabled {
                Json::Bool(enabled) => Some((channel, *enabled)),
                _ => None,
            }
        })
        .collect::<Option<_>>()
        .ok_or_else(|| EXPECTED.to_owned())
}

#[cfg(test)]
mod tests {
    use tidings_domain::category::{CategoryKind, QuietRule};

    use super::*;

    #[test]
    fn a_category_is_transactional_and_listed_unless_it_says_otherwise() {
        let plain = NewCategory {
            listed: true,
            ..NewCategory::default()
        };
        assert_eq!(parse(b"{}").expect("valid"), plain);
        let body = r#"{"kind": "marketing", "label": "News", "description": "Every week", "quiet": "ignore",
            "defaults": {"sms": false, "in-app": true}, "listed": false, "unsubscribe": true,
            "throttle": {"limit": 3, "windowSecs": 3600, "key": "order"},
            "digest": {"mode": "window", "windowSecs": 600, "maxItems": 20}}"#;
        let all = NewCategory {
            kind: CategoryKind::Marketing,
            label: Some("News".to_owned()),
            description: Some("Every week".to_owned()),
            defaults: [(Channel::Sms, false), (Channel::InApp, true)].into(),
            throttle: Some(Throttle {
                limit: 3,
                window_secs: 3600,
                key: Some("order".to_owned()),
            }),
            quiet: QuietRule::Ignore,
            listed: false,
            unsubscribe: true,
            digest: Some(DigestRule {
                mode: DigestMode::Window,
                window_secs: Some(600),
                max_items: Some(20),
            }),
        };
        assert_eq!(parse(body.as_bytes()).expect("valid"), all);
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let long = "x".repeat(101);
        let body = format!(
            r#"{{"kind": "urgent", "label": "{long}", "description": " ", "defaults": {{"fax": true}}, "quiet": true,
                "throttle": {{"limit": 0, "windowSecs": "1"}},
                "listed": "yes", "unsubscribe": 1, "digest": {{"mode": 7}}}}"#
        );
        let error = parse(body.as_bytes()).expect_err("wrong");
        let fields = error.details.iter().map(|detail| detail.field.as_str());
        let expected = [
            "kind",
            "label",
            "description",
            "defaults",
            "throttle.limit",
            "throttle.windowSecs",
            "quiet",
            "listed",
            "unsubscribe",
            "digest.mode",
        ];
        assert_eq!(fields.collect::<Vec<_>>(), expected);
        for (digest, field) in [
            (r#"{"mode": "hourly"}"#, "digest.mode"),
            (r#"{"mode": "window"}"#, "digest.windowSecs"),
            (
                r#"{"mode": "window", "windowSecs": null}"#,
                "digest.windowSecs",
            ),
            (
                r#"{"mode": "window", "windowSecs": 86401}"#,
                "digest.windowSecs",
            ),
            (r#"{"mode": "daily", "maxItems": 1}"#, "digest.maxItems"),
            (r#"{"mode": "daily", "maxItems": 1001}"#, "digest.maxItems"),
            (r#"{"mode": "daily", "at": "09:00"}"#, "digest.at"),
            ("7", "digest"),
        ] {
            let body = format!(r#"{{"digest": {digest}}}"#);
            let error = parse(body.as_bytes()).expect_err(digest);
            let fields: Vec<_> = error.details.iter().map(|one| one.field.as_str()).collect();
            assert_eq!(fields, [field], "{digest}");
        }
        for defaults in [r#"{"sms": null}"#, "[]", r#"{"*": false}"#] {
            let body = format!(r#"{{"defaults": {defaults}}}"#);
            assert!(parse(body.as_bytes()).is_err(), "{defaults}");
        }
    }

    /// What a critical category ignores would only look as if it counted.
    #[test]
    fn a_critical_category_has_nothing_that_cannot_count() {
        let fields_of = |kind: &str, member: &str| {
            let body = format!(r#"{{"kind": "{kind}", {member}}}"#);
            let details = parse(body.as_bytes()).err().map(|error| error.details);
            let fields = details.into_iter().flatten().map(|detail| detail.field);
            fields.collect::<Vec<_>>()
        };
        for (member, field) in [
            (r#""defaults": {"sms": false}"#, Some("defaults")),
            (r#""defaults": {"sms": true}"#, None),
            (
                r#""throttle": {"limit": 1, "windowSecs": 60}"#,
                Some("throttle"),
            ),
            (r#""unsubscribe": true"#, Some("unsubscribe")),
            (r#""unsubscribe": false"#, None),
            (r#""digest": {"mode": "daily"}"#, Some("digest.mode")),
            (r#""digest": {"mode": "off"}"#, None),
            (r#""quiet": "ignore", "listed": false"#, None),
        ] {
            let expected: Vec<&str> = field.into_iter().collect();
            assert_eq!(fields_of("critical", member), expected, "{member}");
            assert!(fields_of("transactional", member).is_empty(), "{member}");
        }
    }
}
