/// Texts from examples and tutorials: a secret that contains one was copied, not generated.
const EXAMPLES: [&str; 8] = [
    "change-me",
    "changeme",
    "change_me",
    "your-secret",
    "your_secret",
    "yoursecret",
    "example",
    "secret123",
];

/// Minimum number of different characters in a generated secret. Hexadecimal digits of the required
/// length nearly always have twice as many.
const MIN_DIFFERENT: usize = 8;

/// Returns why a shared secret is too weak for production, in words that follow "the secret", or
/// `None` if the secret is strong enough. `min_len` is in bytes: the length of the hash, because a
/// shorter key is the weakest part of an HMAC (RFC 7518 §3.2).
#[must_use]
pub fn weakness(secret: &str, min_len: usize) -> Option<&'static str> {
    if secret.is_empty() {
        return Some("is missing");
    }
    let lower = secret.to_lowercase();
    if EXAMPLES.iter().any(|example| lower.contains(example)) {
        return Some("is an example value");
    }
    if secret.len() < min_len {
        return Some("is shorter than its algorithm's hash");
    }
    let different: std::collections::HashSet<char> = secret.chars().collect();
    if different.len() < MIN_DIFFERENT {
        return Some("repeats fewer than 8 different characters");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_secret_has_no_weakness() {
        let hex = "b5fa65542683be32e32ad4e23a0183af78397eca6b577df63e6caf3959820462";
        assert_eq!(weakness(hex, 32), None);
        assert_eq!(weakness(hex, 64), None);
    }

    #[test]
    fn each_weakness_is_named() {
        for (secret, weak) in [
            ("", "is missing"),
            (
                "CHANGE-ME-before-you-go-to-production!",
                "is an example value",
            ),
            (
                "my-Your-Secret-key-of-more-than-32-bytes",
                "is an example value",
            ),
            ("aB3$xY9!kL", "is shorter than its algorithm's hash"),
            (
                "abcabcabcabcabcabcabcabcabcabcabcabc",
                "repeats fewer than 8 different characters",
            ),
        ] {
            assert_eq!(weakness(secret, 32), Some(weak), "{secret}");
        }
    }

    #[test]
    fn the_length_is_counted_in_bytes_and_depends_on_the_hash() {
        let secret = "0123456789abcdef0123456789abcdef";
        assert_eq!(weakness(secret, 32), None);
        assert!(weakness(secret, 48).is_some());
    }
}
