//! The JSON of a request. The messages cannot tell an empty text from one that is left out, so empty texts are left out.

use serde_json::{Map, Value};

use crate::error::ApiError;

/// The object with these members.
///
/// # Errors
///
/// Returns 500 if the object cannot be written.
pub fn object<const N: usize>(members: [(&str, String); N]) -> Result<Vec<u8>, ApiError> {
    let given = members.into_iter().filter(|(_, text)| !text.is_empty());
    let members: Map<String, Value> = given
        .map(|(name, text)| (name.to_owned(), Value::String(text)))
        .collect();
    serde_json::to_vec(&members).map_err(ApiError::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_texts_are_left_out() {
        let json = object([("a", String::new()), ("b", "\"".to_owned())]).expect("JSON");
        assert_eq!(json, br#"{"b":"\""}"#);
    }
}
