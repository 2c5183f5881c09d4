use serde_json::value::RawValue;
use tidings_db::users::UserProfile;
use tidings_domain::notification::UserId;

use crate::error::ApiError;
use crate::handlers::users::new_user::{self, FIELDS};
use crate::json_body::{ObjectReader, members, values};

/// The field that an item has in addition to those of a user.
const ID: &str = "id";

/// One item of a batch, validated.
#[derive(Clone, Debug)]
pub struct UserItem {
    /// The id of the user; without it, a user with a new id is created.
    pub id: Option<UserId>,
    /// What is known about the user.
    pub profile: UserProfile,
}

impl UserItem {
    /// Parses an item of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// Returns 413 if the item is larger, and 400 with everything that is wrong.
    pub fn parse(item: &RawValue, limit: usize) -> Result<Self, ApiError> {
        let json = item.get().as_bytes();
        if json.len() > limit {
            return Err(ApiError::payload_too_large("The user", limit));
        }
        let members = members(json, "The user")?;
        let known: Vec<&str> = FIELDS.into_iter().chain([ID]).collect();
        let mut reader = ObjectReader::new(members, &known, "user");
        let id = reader.optional(ID, values::uuid);
        let item = new_user::read(&mut reader).map(|profile| Self { id, profile });
        reader.finish(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<UserItem, ApiError> {
        let json = RawValue::from_string(json.to_owned()).expect("JSON");
        UserItem::parse(&json, 200)
    }

    #[test]
    fn an_item_is_a_user_with_an_optional_id() {
        let id = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a";
        let item = parse(&format!(r#"{{"id": "{id}", "username": "anna"}}"#)).expect("valid");
        assert_eq!(item.id.map(|id| id.to_string()).as_deref(), Some(id));
        for json in [
            r#"{"username": "anna"}"#,
            r#"{"id": null, "username": "anna"}"#,
        ] {
            assert_eq!(parse(json).expect("valid").id, None);
        }
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let error = parse(r#"{"id": "7", "email": "x", "age": 7}"#).expect_err("wrong");
        let mut fields: Vec<_> = error
            .details
            .iter()
            .map(|detail| detail.field.as_str())
            .collect();
        fields.sort_unstable();
        assert_eq!(fields, ["age", "email", "id", "username"]);
        assert_eq!(parse("7").expect_err("no object").code, "invalid_json");
        let long = format!(r#"{{"username": "{}"}}"#, "a".repeat(200));
        assert_eq!(
            parse(&long).expect_err("too large").code,
            "payload_too_large"
        );
    }
}
