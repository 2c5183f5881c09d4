use tidings_db::users::UserProfile;
use utoipa::ToSchema;

use super::phone_numbers::phone_numbers;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};

/// The fields of a user.
pub const FIELDS: [&str; 5] = ["username", "email", "locale", "timezone", "phoneNumbers"];

/// A user.
#[derive(ToSchema)]
#[schema(as = NewUser)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewUserBody {
    /// The name: no control characters, and no white space at its ends. No other user may have it.
    #[schema(min_length = 1, max_length = 100, example = "anna")]
    username: String,
    /// One address without a display name. No other user may have it, in whatever spelling.
    #[schema(max_length = 254, example = "anna@example.com")]
    email: Option<String>,
    /// A language (BCP 47).
    #[schema(max_length = 35, example = "de-AT")]
    locale: Option<String>,
    /// A name of the IANA time zone database.
    #[schema(example = "Europe/Vienna")]
    timezone: Option<String>,
    /// All telephone numbers, in E.164 format. Text messages go to the first. Absent or null leaves the numbers as they are.
    #[schema(rename = "phoneNumbers", max_items = 10, example = json!(["+436601234567"]))]
    phone_numbers: Option<Vec<String>>,
}

/// Parses the body of a request.
///
/// # Errors
///
/// Returns 400 with everything that is wrong.
pub fn parse(body: &[u8]) -> Result<UserProfile, ApiError> {
    let mut reader = ObjectReader::parse(body, &FIELDS, "user")?;
    let profile = read(&mut reader);
    reader.finish(profile)
}

/// Reads the fields of a user.
pub fn read(reader: &mut ObjectReader<'_>) -> Option<UserProfile> {
    let username = reader.required("username", values::parsed);
    let email = reader.optional("email", values::parsed);
    let locale = reader.optional("locale", values::parsed);
    let timezone = reader.optional("timezone", values::parsed);
    let phone_numbers = reader.optional("phoneNumbers", phone_numbers);
    Some(UserProfile {
        username: username?,
        email,
        locale,
        timezone,
        phone_numbers,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use tidings_domain::content::{EmailAddress, PhoneNumber};
    use tidings_domain::time::Timezone;
    use tidings_templates::Locale;

    use super::*;

    #[test]
    fn a_user_is_read_in_canonical_spelling() {
        let body = json!({
            "username": "Anna", "email": "Anna@Example.COM", "locale": "DE_at", "timezone": "europe/vienna",
            "phoneNumbers": ["+436601234567"],
        });
        let profile = parse(body.to_string().as_bytes()).expect("valid");
        assert_eq!(profile.username.as_str(), "Anna");
        let email = profile.email.as_ref().map(EmailAddress::as_str);
        assert_eq!(email, Some("anna@example.com"));
        assert_eq!(profile.locale.as_ref().map(Locale::as_str), Some("de-AT"));
        let timezone = profile.timezone.as_ref().map(Timezone::name);
        assert_eq!(timezone, Some("Europe/Vienna"));
        let numbers = profile.phone_numbers.expect("a list");
        let numbers: Vec<_> = numbers.iter().map(PhoneNumber::as_str).collect();
        assert_eq!(numbers, ["+436601234567"]);
    }

    #[test]
    fn only_the_name_is_required() {
        let absent = parse(br#"{"username": "anna"}"#).expect("valid");
        let null = br#"{"username": "anna", "email": null, "locale": null, "timezone": null, "phoneNumbers": null}"#;
        assert_eq!(parse(null).expect("valid"), absent);
        assert_eq!((absent.email, absent.phone_numbers), (None, None));
        let error = parse(b"{}").expect_err("incomplete");
        assert_eq!(error.code, "missing_fields");
        let error = parse(br#"{"username": null}"#).expect_err("null");
        assert_eq!(error.code, "invalid_fields");
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let body = json!({
            "username": "a\u{0}", "email": "anna", "locale": "german", "timezone": "Berlin", "phoneNumbers": ["1"],
            "id": "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a",
        });
        let error = parse(body.to_string().as_bytes()).expect_err("wrong");
        assert_eq!(error.code, "invalid_request");
        let fields: Vec<_> = error
            .details
            .iter()
            .map(|detail| detail.field.as_str())
            .collect();
        assert_eq!(
            fields,
            [
                "username",
                "email",
                "locale",
                "timezone",
                "phoneNumbers",
                "id"
            ]
        );
    }

    proptest! {
        #[test]
        fn arbitrary_texts_in_fields_are_never_a_panic(text in ".*") {
            for field in FIELDS {
                let _ = parse(json!({field: text}).to_string().as_bytes());
                let _ = parse(json!({field: [text]}).to_string().as_bytes());
            }
        }
    }
}
