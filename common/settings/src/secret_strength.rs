use zxcvbn::zxcvbn;

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

/// Number of guesses that a secret must survive: the largest number that the estimate returns, about 2^64. The
/// estimate of a generated secret with the length of a hash is always above it. An attacker who has one token
/// tries secrets offline, so no rate limit slows the guesses.
const MIN_GUESSES: u64 = u64::MAX;

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
    if zxcvbn(secret, &["tidings"]).guesses() < MIN_GUESSES {
        return Some("is guessable, because it consists of known words, repetitions or sequences");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUESSABLE: &str =
        "is guessable, because it consists of known words, repetitions or sequences";

    #[test]
    fn a_generated_secret_has_no_weakness() {
        let hex = "b5fa65542683be32e32ad4e23a0183af78397eca6b577df63e6caf3959820462";
        assert_eq!(weakness(hex, 32), None);
        assert_eq!(weakness(hex, 64), None);
        assert_eq!(weakness(&hex[..32], 32), None);
        let base64 = "tfplVCaDvjLjKtTiOgGDr3g5fspra1d99j5srzlZggQ=";
        assert_eq!(weakness(base64, 32), None);
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
            ("abcabcabcabcabcabcabcabcabcabcabcabc", GUESSABLE),
            ("passwordpasswordpasswordpassword1", GUESSABLE),
            ("Sommer2026!Sommer2026!Sommer2026!", GUESSABLE),
            ("qwertyuiopasdfghjklzxcvbnm1234567890", GUESSABLE),
            ("7f3e7f3e7f3e7f3e7f3e7f3e7f3e7f3e", GUESSABLE),
            ("tidings-tidings-tidings-tidings-2026", GUESSABLE),
        ] {
            assert_eq!(weakness(secret, 32), Some(weak), "{secret}");
        }
    }

    #[test]
    fn the_length_is_counted_in_bytes_and_depends_on_the_hash() {
        let secret = "4f9c1b7e2a8d6053f1e7c9b2a4d8063e";
        assert_eq!(weakness(secret, 32), None);
        assert!(weakness(secret, 48).is_some());
    }
}
