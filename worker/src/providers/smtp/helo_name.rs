use std::net::IpAddr;
use std::str::FromStr;

use lettre::transport::smtp::extension::ClientId;
use url::Host;

/// `SMTP_HELO_NAME`: the name by which this host introduces itself to the mail server, in `EHLO`.
///
/// Many servers refuse a name without a dot, such as a container's host name, so an address literal replaces it (RFC
/// 5321 §4.1.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeloName {
    /// A domain name or an address literal.
    Fixed(ClientId),
    /// The address of this end of the connection.
    LocalAddress,
}

impl HeloName {
    /// The host name if it has a dot, or else the address of the connection.
    #[must_use]
    pub fn of_this_host() -> Self {
        let name = hostname::get()
            .ok()
            .and_then(|name| name.into_string().ok());
        Self::of_host_name(name.as_deref().unwrap_or_default())
    }

    fn of_host_name(name: &str) -> Self {
        match name.parse() {
            Ok(Self::Fixed(ClientId::Domain(name))) if name.trim_matches('.').contains('.') => {
                Self::Fixed(ClientId::Domain(name))
            }
            _ => Self::LocalAddress,
        }
    }

    /// The argument of `EHLO` on a connection from `local`.
    pub(super) fn client_id(&self, local: IpAddr) -> ClientId {
        match self {
            Self::Fixed(name) => name.clone(),
            Self::LocalAddress => address_literal(local),
        }
    }
}

/// An IPv4 address that is written as an IPv6 address becomes an IPv4 address again.
const fn address_literal(address: IpAddr) -> ClientId {
    match address.to_canonical() {
        IpAddr::V4(address) => ClientId::Ipv4(address),
        IpAddr::V6(address) => ClientId::Ipv6(address),
    }
}

impl FromStr for HeloName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ERROR: &str =
            "must be a host name such as mail.example.com, or an address such as 192.0.2.1";
        let address = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
            .unwrap_or(text);
        let address = address.strip_prefix("IPv6:").unwrap_or(address);
        if let Ok(address) = address.parse() {
            return Ok(Self::Fixed(address_literal(address)));
        }
        match Host::parse(text) {
            // Stricter than URLs, because the name is part of a command.
            Ok(Host::Domain(name)) if name.bytes().all(is_name_byte) => {
                Ok(Self::Fixed(ClientId::Domain(name)))
            }
            _ => Err(ERROR),
        }
    }
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn sent(name: &HeloName) -> String {
        name.client_id("192.0.2.7".parse().expect("an address"))
            .to_string()
    }

    #[rstest]
    #[case("mail.example.com", "mail.example.com")]
    #[case("localhost", "localhost")]
    #[case("exämple.org", "xn--exmple-cua.org")]
    #[case("192.0.2.1", "[192.0.2.1]")]
    #[case("[192.0.2.1]", "[192.0.2.1]")]
    #[case("2001:db8::1", "[IPv6:2001:db8::1]")]
    #[case("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]")]
    fn a_name_or_an_address_may_be_set(#[case] text: &str, #[case] helo: &str) {
        assert_eq!(sent(&text.parse().expect("right")), helo);
    }

    #[rstest]
    #[case("mail.example.com\r\nQUIT")]
    #[case("mail example.com")]
    #[case("a@example.com")]
    #[case("(comment)")]
    #[case("")]
    fn what_is_no_name_is_refused(#[case] text: &str) {
        assert!(text.parse::<HeloName>().is_err());
    }

    #[rstest]
    #[case("mx1.example.com", "mx1.example.com")]
    #[case("d5c1f2b0a9e8", "[192.0.2.7]")]
    #[case("vm.", "[192.0.2.7]")]
    #[case("bad name.example", "[192.0.2.7]")]
    #[case("", "[192.0.2.7]")]
    fn by_default_a_host_name_without_a_dot_becomes_an_address(
        #[case] host_name: &str,
        #[case] helo: &str,
    ) {
        assert_eq!(sent(&HeloName::of_host_name(host_name)), helo);
    }
}
