//! Writes AMQP's elementary types (AMQP 0-9-1 §4.2.5) to the end of some bytes.

/// A short string; what is longer than one can be is cut off.
pub(super) fn short(out: &mut Vec<u8>, text: &str) {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    out.push(length);
    out.extend_from_slice(&text.as_bytes()[..length.into()]);
}

/// A long string.
pub(super) fn long(out: &mut Vec<u8>, bytes: &[u8]) {
    with_length(out, |out| out.extend_from_slice(bytes));
}

/// Whatever `write` writes, with its length in four bytes before it.
pub(super) fn with_length(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let place = out.len();
    out.extend_from_slice(&[0; 4]);
    let start = out.len();
    write(out);
    // Nothing here comes near 4 GiB: a frame is limited, and larger bodies are cut into frames.
    let length = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    out[place..start].copy_from_slice(&length.to_be_bytes());
}
