use secrecy::SecretString;
use serde_json::value::RawValue;

use crate::json_body::values;

/// Maximum length of a token, in bytes.
const MAX_SECRET: usize = 512;

/// Reads a token or a code.
///
/// # Errors
///
/// Says what is valid, and quotes nothing.
pub fn secret(value: &RawValue) -> Result<SecretString, String> {
    let text = values::string(value)?;
    if (1..=MAX_SECRET).contains(&text.len()) {
        Ok(text.into())
    } else {
        Err(format!("must have 1 to {MAX_SECRET} bytes"))
    }
}
