use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::ApiError;

/// A JSON object's members in their order, repeated ones included, values unread.
pub struct Members<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Reads a JSON text; `whole` is what it is, for people.
    ///
    /// # Errors
    ///
    /// 400 where it is no JSON object.
    pub fn read(json: &'a [u8], whole: &str) -> Result<Self, ApiError> {
        serde_json::from_slice(json).map_err(|error| not_an_object(&error, whole))
    }

    /// The value of the first member with this name.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().find(|(member, _)| member == name);
        found.map(|(_, value)| *value)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(4);
                while let Some((Name(name), value)) =
                    map.next_entry::<Name<'de>, &'de RawValue>()?
                {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

/// A member's name, copied only where it is written with escapes.
#[derive(Deserialize)]
pub struct Name<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// Why a JSON text, which is `whole`, cannot be read as the object that it should be.
pub fn not_an_object(error: &serde_json::Error, whole: &str) -> ApiError {
    let message = match error.classify() {
        serde_json::error::Category::Data => format!("{whole} must be a JSON object: {error}"),
        _ => format!("{whole} is not JSON: {error}"),
    };
    ApiError::bad_request("invalid_json", message, Vec::new())
}
