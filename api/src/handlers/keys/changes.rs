use jiff::Timestamp;
use serde_json::value::RawValue;
use tidings_db::api_keys::KeyChanges;
use tidings_domain::access::KeyName;
use tidings_domain::change::Change;

use super::values::{expiry, rate, scopes};
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};

/// Parses the body of a request. `null` removes the limit and the expiry, and is an error for the other fields.
///
/// # Errors
///
/// Returns 400 with everything that is wrong.
pub fn parse(body: &[u8], now: Timestamp) -> Result<KeyChanges, ApiError> {
    let fields = ["name", "scopes", "ratePerMinute", "expiresAt"];
    let mut reader = ObjectReader::parse(body, &fields, "API key")?;
    let mut changes = KeyChanges::default();
    if reader.has("name") {
        let name: Option<KeyName> = reader.required("name", values::parsed);
        changes.name = name.map(|name| name.as_str().to_owned());
    }
    if reader.has("scopes") {
        changes.scopes = reader.required("scopes", scopes);
    }
    changes.rate_per_minute = change(&mut reader, "ratePerMinute", rate);
    changes.expires_at = change(&mut reader, "expiresAt", expiry(now));
    reader.finish(Some(changes))
}

fn change<'a, T>(
    reader: &mut ObjectReader<'a>,
    field: &str,
    read: impl FnOnce(&'a RawValue) -> Result<T, String>,
) -> Change<T> {
    if reader.has(field) {
        Change::Set(reader.optional(field, read))
    } else {
        Change::Keep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_fields_are_kept_and_null_removes_a_limit() {
        let now = Timestamp::now();
        assert_eq!(parse(b"{}", now).expect("valid"), KeyChanges::default());
        let removed = br#"{"ratePerMinute": null, "expiresAt": null}"#;
        let changes = parse(removed, now).expect("valid");
        assert_eq!(changes.rate_per_minute, Change::Set(None));
        assert_eq!(changes.expires_at, Change::Set(None));
        let wrong = br#"{"name": null, "scopes": null, "ratePerMinute": "1", "expiresAt": "2020-01-01T00:00:00Z", "userId": null}"#;
        let error = parse(wrong, now).expect_err("wrong");
        let fields: Vec<_> = error.details.iter().map(|d| d.field.as_str()).collect();
        assert_eq!(
            fields,
            ["name", "scopes", "ratePerMinute", "expiresAt", "userId"]
        );
    }
}
