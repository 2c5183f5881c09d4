use std::collections::BTreeMap;

use serde_json::value::RawValue;
use tidings_db::user_settings::{DigestChanges, MAX_DIGESTS, SettingsChanges};
use tidings_domain::category::CategoryName;
use tidings_domain::change::Change;
use tidings_domain::content::{FieldProblem, FieldProblems};
use tidings_domain::digest::DigestMode;
use tidings_domain::json::{Members, shown};
use tidings_domain::time::{
    InvalidQuietChannel, QuietChannels, QuietHours, QuietHoursNeverEnd, QuietWindow,
};
use utoipa::ToSchema;

use crate::error::{ApiError, ErrorDetail};
use crate::handlers::users::changes::change;
use crate::json_body::{ObjectReader, values};

/// The request body. Absent fields stay as they are, and null sets the default.
#[derive(ToSchema)]
#[schema(as = UserSettingsChanges)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct ChangesBody {
    /// The time zone: a name of the IANA database.
    #[schema(example = "Europe/Vienna")]
    timezone: Option<String>,
    /// The language (BCP 47).
    #[schema(max_length = 35, example = "de-AT")]
    locale: Option<String>,
    /// When the user does not want to be disturbed. Must not cover the whole week.
    #[schema(max_items = 14)]
    quiet: Option<Vec<QuietWindowBody>>,
    /// The channels whose notifications wait for the end of the quiet hours: different ones of `push`, `sms` and `email`.
    #[schema(rename = "quietChannels", max_items = 3, example = json!(["push", "sms"]))]
    quiet_channels: Option<Vec<String>>,
    /// When daily and weekly digests are sent, in the time zone of the user.
    #[schema(
        rename = "digestAt",
        pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$",
        example = "09:00"
    )]
    digest_at: Option<String>,
    /// How often the user wants digests, by category: `off`, `window`, `daily` or `weekly`, not faster than the category says.
    /// Categories that are absent stay
    /// as they are, and null chooses nothing for a category. At most 100.
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>, example = json!({"news": "daily"}))]
    digests: Option<()>,
}

/// A part of some days that is quiet.
#[derive(ToSchema)]
#[schema(as = QuietWindow)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct QuietWindowBody {
    /// The days on which it begins: 1 is Monday, 7 is Sunday.
    #[schema(min_items = 1, max_items = 7, example = json!([1, 2, 3, 4, 5]))]
    days: Vec<u8>,
    /// When it begins.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "22:00")]
    from: String,
    /// When it ends: on the next day, if this is before `from`. Must differ from `from`.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "07:00")]
    to: String,
}

const FIELDS: [&str; 6] = [
    "timezone",
    "locale",
    "quiet",
    "quietChannels",
    "digestAt",
    "digests",
];

/// Parses the body of a request.
///
/// # Errors
///
/// Returns 400 with everything that is wrong, and 400 `quiet_hours_never_end` if nothing else is.
pub fn parse(body: &[u8]) -> Result<SettingsChanges, ApiError> {
    let mut reader = ObjectReader::parse(body, &FIELDS, "settings")?;
    let windows = reader.value("quiet");
    let windows = windows.map(|value| reader.merge(QuietHours::read_windows(value, "quiet")));
    let digests = reader.value("digests");
    let digests = digests.map(|value| reader.merge(read_digests(value)));
    let changes = SettingsChanges {
        timezone: change(&mut reader, "timezone", values::parsed),
        locale: change(&mut reader, "locale", values::parsed),
        quiet: Change::Keep,
        quiet_channels: change(&mut reader, "quietChannels", read_channels),
        digest_at: change(&mut reader, "digestAt", values::parsed),
        digests: match digests {
            Some(changes) => DigestChanges::Merge(changes.unwrap_or_default()),
            None if reader.has("digests") => DigestChanges::Clear,
            None => DigestChanges::Keep,
        },
    };
    let has_quiet = reader.has("quiet");
    let changes = reader.finish(Some(changes))?;
    let quiet = match windows {
        _ if !has_quiet => Change::Keep,
        None => Change::Set(None),
        Some(windows) => Change::Set(Some(quiet_hours(windows.unwrap_or_default())?)),
    };
    Ok(SettingsChanges { quiet, ..changes })
}

fn quiet_hours(windows: Vec<QuietWindow>) -> Result<QuietHours, ApiError> {
    QuietHours::new(windows).map_err(|error| {
        let details = vec![ErrorDetail::new("quiet", error.to_string())];
        let message = "The quiet hours would never end";
        ApiError::bad_request(QuietHoursNeverEnd::CODE, message, details)
    })
}

fn read_channels(value: &RawValue) -> Result<QuietChannels, String> {
    let names: Result<Vec<String>, _> = serde_json::from_str(value.get());
    let channels = names
        .map_err(|_| InvalidQuietChannel)
        .and_then(|names| QuietChannels::read(names.iter().map(String::as_str)));
    channels.map_err(|error| error.to_string())
}

/// Reads which digests change.
fn read_digests(
    value: &RawValue,
) -> Result<BTreeMap<CategoryName, Option<DigestMode>>, Vec<FieldProblem>> {
    let mut problems = FieldProblems::default();
    let mut digests = BTreeMap::new();
    let members: Option<Members> = serde_json::from_str(value.get()).ok();
    let members = members.filter(|members| members.0.len() <= MAX_DIGESTS);
    let Some(Members(members)) = members else {
        let expected = format!("must be an object with at most {MAX_DIGESTS} categories");
        problems.invalid("digests", expected);
        return Err(problems.into_vec());
    };
    for (name, value) in members {
        let path = format!("digests.{}", shown(&name));
        let category = problems.check(&path, name.parse::<CategoryName>());
        let mode = match value.get() {
            "null" => Some(None),
            _ => problems.check(&path, values::parsed(value).map(Some)),
        };
        let Some((category, mode)) = category.zip(mode) else {
            continue;
        };
        if digests.insert(category, mode).is_some() {
            problems.repeated(path);
        }
    }
    if problems.is_empty() {
        Ok(digests)
    } else {
        Err(problems.into_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(body: &str) -> (&'static str, Vec<String>) {
        let error = parse(body.as_bytes()).expect_err(body);
        let fields = error.details.into_iter().map(|detail| detail.field);
        (error.code, fields.collect())
    }

    #[test]
    fn absent_fields_are_kept_and_null_sets_the_default() {
        assert_eq!(parse(b"{}").expect("valid"), SettingsChanges::default());
        let body = br#"{"timezone": null, "locale": null, "quiet": null, "quietChannels": null, "digestAt": null,
                        "digests": null}"#;
        let expected = SettingsChanges {
            timezone: Change::Set(None),
            locale: Change::Set(None),
            quiet: Change::Set(None),
            quiet_channels: Change::Set(None),
            digest_at: Change::Set(None),
            digests: DigestChanges::Clear,
        };
        assert_eq!(parse(body).expect("valid"), expected);
        let merged = parse(br#"{"digests": {"news": "daily", "tips": null}}"#).expect("valid");
        let name = |name: &str| name.parse::<CategoryName>().expect(name);
        let changes = BTreeMap::from([
            (name("news"), Some(DigestMode::Daily)),
            (name("tips"), None),
        ]);
        assert_eq!(merged.digests, DigestChanges::Merge(changes));
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let body = r#"{"timezone": "Mars", "locale": 7, "quiet": [{"days": [9], "from": "22:00", "to": "07:00"}],
                       "quietChannels": ["webhook"], "digestAt": "9:00", "digests": {"*": "daily", "news": "hourly"},
                       "theme": "dark"}"#;
        let (code, mut fields) = wrong(body);
        fields.sort_unstable();
        let expected = [
            "digestAt",
            "digests.*",
            "digests.news",
            "locale",
            "quietChannels",
            "quiet[0].days",
            "theme",
            "timezone",
        ];
        assert_eq!(
            (code, fields),
            ("invalid_request", expected.map(str::to_owned).to_vec())
        );
        for body in [
            r#"{"digests": []}"#,
            r#"{"digests": {"news": "daily", "news": "off"}}"#,
            r#"{"quiet": {}}"#,
            r#"{"quietChannels": "sms"}"#,
        ] {
            assert_eq!(wrong(body).1.len(), 1, "{body}");
        }
    }

    #[test]
    fn quiet_hours_must_end() {
        let days = "[1, 2, 3, 4, 5, 6, 7]";
        let body = format!(
            r#"{{"quiet": [{{"days": {days}, "from": "00:00", "to": "12:00"}},
                           {{"days": {days}, "from": "11:00", "to": "00:00"}}]}}"#
        );
        let expected = ("quiet_hours_never_end", vec!["quiet".to_owned()]);
        assert_eq!(wrong(&body), expected);
    }
}
