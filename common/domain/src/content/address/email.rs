use std::fmt;
use std::str::FromStr;

use email_address::Options;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use super::{InvalidAddress, address_newtype};

/// An e-mail address, `local@domain` (RFC 5321 §4.1.2), without a display name, in normal form. At most 254 bytes.
///
/// All spellings of an address have the same normal form, so that no user can take the address of another one in
/// another spelling:
///
/// - Letters are lower case and composed (NFC). RFC 5321 §2.4 lets a server distinguish the case of the local part, but
///   servers do not, and people write their addresses in any case.
/// - The domain consists of A-labels (RFC 5890 §2.3.2.1). Percent-encoding is not decoded, and invalid in a domain.
/// - The local part is quoted only if it has to be. Dots in places where only a quoted local part may have them
///   (`a..b@example.com`, which some telephone companies have issued) are accepted without quotes.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The domain, after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: InvalidAddress =
            InvalidAddress("must be an e-mail address, such as anna@example.com");
        if text.len() > 254 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(WRONG);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(WRONG)?;
        let (local, domain) = (
            local_part(local).ok_or(WRONG)?,
            ascii_domain(domain).ok_or(WRONG)?,
        );
        let address = format!("{local}@{domain}");
        let options = Options::default()
            .with_required_tld()
            .without_display_text()
            .without_domain_literal();
        let valid = email_address::EmailAddress::parse_with_options(&address, options).is_ok();
        (valid && address.len() <= 254)
            .then_some(Self(address))
            .ok_or(WRONG)
    }
}

address_newtype!(EmailAddress);

/// The domain in A-labels and lower case (UTS #46).
fn ascii_domain(domain: &str) -> Option<String> {
    let ascii = Uts46::new().to_ascii(
        domain.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
        DnsLength::Verify,
    );
    ascii.ok().map(Into::into)
}

/// The normal form of a local part.
fn local_part(text: &str) -> Option<String> {
    let quoted = text.strip_prefix('"').map(|rest| rest.strip_suffix('"'));
    let content = match quoted {
        Some(inner) => unescaped(inner?)?,
        None if text.chars().all(|c| is_atom_char(c) || c == '.') => text.to_owned(),
        None => return None,
    };
    let content: String = content.to_lowercase().nfc().collect();
    if content.is_empty() {
        return None;
    }
    let is_atom = |part: &str| !part.is_empty() && part.chars().all(is_atom_char);
    if content.split('.').all(is_atom) {
        return Some(content);
    }
    Some(format!("\"{}\"", escaped(&content)))
}

/// `atext` (RFC 5322 §3.2.3, extended by RFC 6531 §3.3).
fn is_atom_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

/// The content of a quoted string (RFC 5322 §3.2.4): a backslash stands before a quoted character. `None` if a quote has
/// no backslash, or a backslash is the last character.
fn unescaped(text: &str) -> Option<String> {
    let mut content = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => content.push(characters.next()?),
            '"' => return None,
            other => content.push(other),
        }
    }
    Some(content)
}

fn escaped(content: &str) -> String {
    content.replace('\\', "\\\\").replace('"', "\\\"")
}

/// An e-mail address with or without a display name: `anna@example.com`, `Anna <anna@example.com>` or
/// `"Anna \"Ace\" Berg" <anna@example.com>` (RFC 5322 §3.4).
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Mailbox {
    /// The display name, decoded: without quotation marks around it, no line breaks.
    pub name: Option<String>,
    /// The address.
    pub address: EmailAddress,
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox(***)")
    }
}

impl FromStr for Mailbox {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: InvalidAddress = InvalidAddress(
            "must be an e-mail address, such as anna@example.com or Anna <anna@example.com>",
        );
        if text.chars().any(char::is_control) || text.len() > 512 {
            return Err(WRONG);
        }
        let Some((name, address)) = text
            .trim()
            .strip_suffix('>')
            .and_then(|inner| inner.rsplit_once('<'))
        else {
            let address = text.parse().map_err(|_| WRONG)?;
            return Ok(Self {
                name: None,
                address,
            });
        };
        let name = display_name(name.trim()).ok_or(WRONG)?;
        Ok(Self {
            name: (!name.is_empty()).then_some(name),
            address: address.parse().map_err(|_| WRONG)?,
        })
    }
}

/// Decodes a display name, which is quoted or not.
fn display_name(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix('"') {
        return unescaped(rest.strip_suffix('"')?).map(|name| name.trim().to_owned());
    }
    let plain = !text.contains(['<', '>', '"', '\\']);
    plain.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_single_email_address_is_valid() {
        for right in [
            "anna@example.com",
            "a.b+c@sub.example.co.uk",
            "ünïcode@exämple.de",
        ] {
            assert!(right.parse::<EmailAddress>().is_ok(), "{right}");
        }
        for wrong in [
            "",
            "anna",
            "anna@",
            "@example.com",
            "anna@host",
            "anna@[127.0.0.1]",
            "Anna <anna@example.com>",
            "anna@example.com, eve@example.com",
            "anna@example.com\r\nBcc: eve@example.com",
            "anna@example.com\0",
            "an na@example.com",
        ] {
            assert!(wrong.parse::<EmailAddress>().is_err(), "{wrong:?}");
        }
        let long = format!("{}@example.com", "a".repeat(300));
        assert!(long.parse::<EmailAddress>().is_err());
        let domain = "anna@example.com".parse::<EmailAddress>().expect("right");
        assert_eq!(domain.domain(), "example.com");
    }

    #[test]
    fn a_mailbox_may_have_a_display_name() {
        let named = "\"Anna, of sales\" <anna@example.com>"
            .parse::<Mailbox>()
            .expect("right");
        assert_eq!(named.name.as_deref(), Some("Anna, of sales"));
        assert_eq!(named.address.as_str(), "anna@example.com");
        assert_eq!(
            "anna@example.com".parse::<Mailbox>().expect("right").name,
            None
        );
        let quoted = r#""Anna \"Ace\" Berg <3" <a@example.com>"#.parse::<Mailbox>();
        let quoted = quoted.expect("right");
        assert_eq!(quoted.name.as_deref(), Some(r#"Anna "Ace" Berg <3"#));
        for wrong in [
            r#""Anna "Ace" Berg" <a@example.com>"#,
            r#""Anna\" <a@example.com>"#,
            "Anna",
            "Anna <anna>",
            "A\r\nBcc: x <a@example.com>",
            "a <b> <c@example.com>",
        ] {
            assert!(wrong.parse::<Mailbox>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn all_spellings_of_an_address_have_one_normal_form() {
        for (normal, spellings) in [
            (
                "anna@example.com",
                &[
                    "Anna@Example.com",
                    "ANNA@EXAMPLE.COM",
                    "\"anna\"@example.com",
                    "\"\\a\\nna\"@example.com",
                ][..],
            ),
            (
                "anna@xn--exmple-cua.org",
                &[
                    "anna@exämple.org",
                    "anna@EXÄMPLE.org",
                    "anna@XN--EXMPLE-CUA.org",
                    "anna@exa\u{308}mple.org",
                    "anna@ex\u{e4}mple。org",
                ],
            ),
            (
                "änna@example.com",
                &["Änna@example.com", "a\u{308}nna@example.com"],
            ),
            (
                "\"try..this\"@docomo.example",
                &["try..this@docomo.example", "\"Try..This\"@docomo.example"],
            ),
            ("\"anna.\"@docomo.example", &["anna.@docomo.example"]),
            ("\"a\\\"b\"@example.com", &["\"a\\\"b\"@example.com"]),
        ] {
            for spelling in spellings.iter().chain([&normal]) {
                let address = spelling.parse::<EmailAddress>();
                let address = address.unwrap_or_else(|_| panic!("{spelling}"));
                assert_eq!(address.as_str(), normal, "{spelling}");
            }
        }
    }

    #[test]
    fn an_encoded_or_ambiguous_domain_is_refused() {
        for wrong in [
            "anna@ex%61mple.com",
            "anna@exam_ple.com",
            "anna@xn--a.com",
            "anna@-example.com",
            "anna@example.com.",
            "anna@example..com",
            "\"\"@example.com",
            "a\"b@example.com",
        ] {
            assert!(wrong.parse::<EmailAddress>().is_err(), "{wrong}");
        }
    }
}
