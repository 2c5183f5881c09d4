use jiff::Timestamp;
use tidings_domain::access::{KeyName, Scopes};
use tidings_domain::notification::UserId;
use utoipa::ToSchema;

use super::scope_name::ScopeName;
use super::values::{NOT_OF_USER, expiry, rate, scopes};
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};

/// The fields of a key to create.
const FIELDS: [&str; 5] = ["name", "scopes", "userId", "ratePerMinute", "expiresAt"];

/// A key to create.
#[derive(ToSchema)]
#[schema(as = NewApiKey)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewKeyBody {
    /// What the key is for.
    #[schema(min_length = 1, max_length = 100, example = "billing, production")]
    name: String,
    /// What it may do. At least one; you need each of them yourself.
    #[schema(min_items = 1, value_type = Vec<ScopeName>, example = json!(["notifications:send:any"]))]
    scopes: Vec<String>,
    /// The user to whom the key is limited. It may then only have scopes about this user. Absent or null for a service.
    #[schema(rename = "userId")]
    user_id: Option<uuid::Uuid>,
    /// How many requests a minute the key may send. Absent or null: as many as other callers.
    #[schema(
        rename = "ratePerMinute",
        minimum = 1,
        maximum = 1_000_000,
        example = 600
    )]
    rate_per_minute: Option<u32>,
    /// When the key expires: a time in the future, with an offset from UTC. Absent or null: never.
    #[schema(rename = "expiresAt", value_type = Option<String>, format = DateTime)]
    expires_at: Option<()>,
}

/// The validated body.
#[derive(Debug, PartialEq, Eq)]
pub struct NewKey {
    pub name: KeyName,
    pub scopes: Scopes,
    pub user: Option<UserId>,
    pub rate_per_minute: Option<u32>,
    pub expires_at: Option<Timestamp>,
}

impl NewKey {
    /// Parses the body of a request.
    ///
    /// # Errors
    ///
    /// Returns 400 with everything that is wrong.
    pub fn parse(body: &[u8], now: Timestamp) -> Result<Self, ApiError> {
        let mut reader = ObjectReader::parse(body, &FIELDS, "API key")?;
        let name = reader.required("name", values::parsed);
        let scopes = reader.required("scopes", scopes);
        let user = reader.optional("userId", values::uuid::<UserId>);
        let rate_per_minute = reader.optional("ratePerMinute", rate);
        let expires_at = reader.optional("expiresAt", expiry(now));
        if user.is_some() && scopes.is_some_and(|scopes| scopes.of_own_user() != scopes) {
            reader.invalid("scopes", NOT_OF_USER);
        }
        let key = name.zip(scopes).map(|(name, scopes)| Self {
            name,
            scopes,
            user,
            rate_per_minute,
            expires_at,
        });
        reader.finish(key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn parse(body: &Value) -> Result<NewKey, Vec<String>> {
        let now = "2026-06-01T00:00:00Z".parse().expect("a time");
        let parsed = NewKey::parse(body.to_string().as_bytes(), now);
        parsed.map_err(|error| error.details.into_iter().map(|d| d.field).collect())
    }

    #[test]
    fn a_key_needs_a_name_and_scopes() {
        let expected = NewKey {
            name: "billing".parse().expect("a name"),
            scopes: Scopes::of_claim("users:read inbox"),
            user: None,
            rate_per_minute: None,
            expires_at: None,
        };
        let body = json!({"name": "billing", "scopes": ["inbox", "users:read", "inbox"], "userId": null, "ratePerMinute": null, "expiresAt": null});
        assert_eq!(parse(&body), Ok(expected));
        assert_eq!(
            parse(&json!({})),
            Err(vec!["name".to_owned(), "scopes".to_owned()])
        );
    }

    #[test]
    fn values_out_of_range_are_refused_all_at_once() {
        let user = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a";
        for (field, value, valid) in [
            ("scopes", json!([]), false),
            ("scopes", json!(["users:read", "openid"]), false),
            ("scopes", json!("users:read"), false),
            ("scopes", json!(["admin"]), true),
            ("userId", json!(user), true),
            ("userId", json!("me"), false),
            ("ratePerMinute", json!(1), true),
            ("ratePerMinute", json!(0), false),
            ("ratePerMinute", json!(1_000_001), false),
            ("ratePerMinute", json!(1.5), false),
            ("expiresAt", json!("2026-06-01T00:00:00Z"), false),
            ("expiresAt", json!("2026-06-01T02:00:01+02:00"), true),
            ("expiresAt", json!("tomorrow"), false),
            ("key", json!("tdk_"), false),
        ] {
            let mut body = json!({"name": "billing", "scopes": ["inbox"]});
            body[field] = value;
            let expected = (!valid).then(|| vec![field.to_owned()]);
            assert_eq!(parse(&body).err(), expected, "{body}");
        }
        let service = json!({"name": "a", "userId": user, "scopes": ["inbox", "users:read"]});
        assert_eq!(parse(&service), Err(vec!["scopes".to_owned()]));
    }

    proptest! {
        #[test]
        fn arbitrary_texts_in_fields_are_never_a_panic(text in ".*") {
            for field in FIELDS {
                let _ = parse(&json!({field: text}));
                let _ = parse(&json!({field: [text]}));
            }
        }
    }
}
