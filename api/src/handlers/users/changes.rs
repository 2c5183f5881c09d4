use serde_json::value::RawValue;
use tidings_db::users::UserChanges;
use tidings_domain::change::Change;

use super::new_user::FIELDS;
use super::phone_numbers::phone_numbers;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};

/// Parses the body of a request. `null` removes a value, and is an error for `username`.
///
/// # Errors
///
/// Returns 400 with everything that is wrong.
pub fn parse(body: &[u8]) -> Result<UserChanges, ApiError> {
    let mut reader = ObjectReader::parse(body, &FIELDS, "user")?;
    let username = if reader.has("username") {
        reader.required("username", values::parsed)
    } else {
        None
    };
    let phone_numbers = if reader.has("phoneNumbers") {
        let list = reader.optional("phoneNumbers", phone_numbers);
        Some(list.unwrap_or_default())
    } else {
        None
    };
    let changes = UserChanges {
        username,
        email: change(&mut reader, "email", values::parsed),
        locale: change(&mut reader, "locale", values::parsed),
        timezone: change(&mut reader, "timezone", values::parsed),
        phone_numbers,
    };
    reader.finish(Some(changes))
}

/// Reads a field that may be absent. `null` removes the value.
pub fn change<'a, T>(
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
    fn absent_fields_are_kept_and_null_removes_a_value() {
        assert_eq!(parse(b"{}").expect("valid"), UserChanges::default());
        let removed = br#"{"email": null, "locale": null, "timezone": null, "phoneNumbers": null}"#;
        let expected = UserChanges {
            username: None,
            email: Change::Set(None),
            locale: Change::Set(None),
            timezone: Change::Set(None),
            phone_numbers: Some(Vec::new()),
        };
        assert_eq!(parse(removed).expect("valid"), expected);
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let body = br#"{"username": null, "email": 7, "locale": "", "timezone": "user", "phoneNumbers": {}, "id": 1}"#;
        let error = parse(body).expect_err("wrong");
        let mut fields: Vec<_> = error
            .details
            .iter()
            .map(|detail| detail.field.as_str())
            .collect();
        fields.sort_unstable();
        assert_eq!(
            fields,
            [
                "email",
                "id",
                "locale",
                "phoneNumbers",
                "timezone",
                "username"
            ]
        );
    }
}
