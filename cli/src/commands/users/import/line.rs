use serde_json::value::RawValue;
use tidings_db::phone_numbers::MAX_PER_USER;
use tidings_db::users::UserProfile;
use tidings_domain::content::{FieldProblem, PhoneNumber, ProblemKind};
use tidings_domain::notification::UserId;
use tidings_requests::{InvalidObject, ObjectReader, values};

/// The fields of a line.
pub const FIELDS: [&str; 6] = [
    "id",
    "username",
    "email",
    "locale",
    "timezone",
    PHONE_NUMBERS,
];

/// The field with the phone numbers.
pub const PHONE_NUMBERS: &str = "phoneNumbers";

/// A user in a file.
#[derive(Clone, Debug)]
pub struct UserLine {
    /// The number of the line, from 1.
    pub number: u64,
    pub id: UserId,
    pub profile: UserProfile,
}

impl UserLine {
    /// Parses a JSON object.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong.
    pub fn parse(number: u64, json: &[u8]) -> Result<Self, Vec<FieldProblem>> {
        Self::read(number, json).map_err(|error| match error {
            InvalidObject::Fields(problems) => problems,
            other => vec![FieldProblem {
                field: "line".to_owned(),
                message: other.to_string(),
                kind: ProblemKind::Invalid,
            }],
        })
    }

    fn read(number: u64, json: &[u8]) -> Result<Self, InvalidObject> {
        let mut reader = ObjectReader::<InvalidObject>::parse(json, &FIELDS, "user")?;
        let id = reader.required("id", values::uuid);
        let username = reader.required("username", values::parsed);
        let email = reader.optional("email", values::parsed);
        let locale = reader.optional("locale", values::parsed);
        let timezone = reader.optional("timezone", values::parsed);
        let phone_numbers = reader.optional(PHONE_NUMBERS, phone_numbers);
        let line = id.zip(username).map(|(id, username)| Self {
            number,
            id,
            profile: UserProfile {
                username,
                email,
                locale,
                timezone,
                phone_numbers,
            },
        });
        reader.finish(line)
    }
}

fn phone_numbers(value: &RawValue) -> Result<Vec<PhoneNumber>, String> {
    let wrong = || format!("must be a list of at most {MAX_PER_USER} telephone numbers");
    let list: Vec<String> = serde_json::from_str(value.get()).map_err(|_| wrong())?;
    if i64::try_from(list.len()).is_ok_and(|length| length > MAX_PER_USER) {
        return Err(wrong());
    }
    let parsed = list.iter().map(|text| text.parse());
    let parsed: Result<_, tidings_domain::content::InvalidAddress> = parsed.collect();
    parsed.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_with_a_line_is_named() {
        let problems = |json: &str| -> Vec<String> {
            let problems = UserLine::parse(7, json.as_bytes()).expect_err(json);
            problems.into_iter().map(|problem| problem.field).collect()
        };
        let json = r#"{"id": "7", "email": "anna", "timezone": "Mars", "phoneNumbers": ["1"], "name": "a"}"#;
        let expected = [
            "username",
            "id",
            "email",
            "timezone",
            "phoneNumbers",
            "name",
        ];
        assert_eq!(problems(json), expected);
        for json in ["", "[]", "{"] {
            assert_eq!(problems(json), ["line"], "{json}");
        }
    }
}
