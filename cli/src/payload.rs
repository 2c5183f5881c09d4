//! The option `--payload`.

use std::io::Read;

use anyhow::Context;
use serde_json::value::RawValue;

/// Reads the value of `--payload`, which must be JSON. `-` stands for standard input.
///
/// # Errors
///
/// Says what is wrong.
pub fn payload(text: String) -> anyhow::Result<Box<RawValue>> {
    let text = if text == "-" {
        let mut input = String::new();
        let read = std::io::stdin().read_to_string(&mut input);
        read.context("cannot read the payload from standard input")?;
        input.trim().to_owned()
    } else {
        text
    };
    RawValue::from_string(text).context("--payload is not JSON")
}
