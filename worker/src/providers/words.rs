use reqwest::StatusCode;

use super::clipped;

/// What stands in the place of a text that is withheld.
const WITHHELD: &str = "***";

/// The provider's own words about a refusal, led by the status: `400 Bad Request: …`.
///
/// Providers like to quote the address that they refuse. It is on the row, and has no place on a
/// timeline that others may read, nor in a dead letter's headers: whatever `withheld` names is
/// struck out, longer texts first.
pub(super) fn words(status: StatusCode, said: &str, withheld: &[&str]) -> String {
    let mut said = said.to_owned();
    for secret in withheld.iter().filter(|secret| !secret.is_empty()) {
        said = said.replace(secret, WITHHELD);
    }
    if said.trim().is_empty() {
        clipped(&status.to_string())
    } else {
        clipped(&format!("{status}: {said}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_withheld_is_struck_out_before_the_text_is_cut() {
        let long = format!("{} +12345678", "x".repeat(470));
        for said in ["to +12345678 and 12345678", &long] {
            let words = words(
                StatusCode::BAD_REQUEST,
                said,
                &["+12345678", "12345678", ""],
            );
            assert!(words.starts_with("400 Bad Request: "), "{words}");
            assert!(!words.contains("1234"), "{words}");
        }
    }

    #[test]
    fn a_provider_that_says_nothing_is_quoted_by_its_status() {
        assert_eq!(words(StatusCode::BAD_GATEWAY, " ", &[]), "502 Bad Gateway");
    }
}
