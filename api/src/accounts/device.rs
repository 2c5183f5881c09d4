//! Tells a new device from one that the user has used before.

use std::net::IpAddr;

use ipnet::IpNet;
use tidings_db::user_sessions::LoginClient;

/// The browsers that call themselves others, too: those that others claim to be come last.
const BROWSERS: [&str; 7] = [
    "Edg",
    "OPR",
    "SamsungBrowser",
    "Firefox",
    "Chrome",
    "CriOS",
    "Safari",
];

/// Whether no earlier login was from the same kind of program and a neighbouring address.
pub(super) fn is_new(
    earlier: &[LoginClient],
    ip: Option<IpAddr>,
    user_agent: Option<&str>,
) -> bool {
    let device = (family(user_agent), ip.and_then(neighbours));
    !earlier.iter().any(|client| {
        let agent = client.user_agent.as_deref();
        (family(agent), client.ip.and_then(neighbours)) == device
    })
}

/// The browser, or the name of the program before its version.
fn family(user_agent: Option<&str>) -> &str {
    let agent = user_agent.unwrap_or_default();
    let browser = BROWSERS.into_iter().find(|name| agent.contains(name));
    browser.unwrap_or_else(|| agent.split(['/', ' ']).next().unwrap_or_default())
}

/// The /24 of an IPv4 address, the /48 of an IPv6 address.
fn neighbours(ip: IpAddr) -> Option<IpNet> {
    let ip = ip.to_canonical();
    let length = if ip.is_ipv4() { 24 } else { 48 };
    IpNet::new(ip, length).ok().map(|network| network.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36";
    const SAFARI: &str = "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15";

    #[test]
    fn a_program_has_a_family_whatever_its_version() {
        let other = FIREFOX.replace("128", "129");
        assert_eq!(family(Some(FIREFOX)), family(Some(&other)));
        for (agent, expected) in [
            (Some(CHROME), "Chrome"),
            (Some(SAFARI), "Safari"),
            (Some("curl/8.9.1"), "curl"),
            (Some("okhttp 4"), "okhttp"),
            (None, ""),
        ] {
            assert_eq!(family(agent), expected);
        }
    }

    #[test]
    fn neighbours_share_a_24_or_a_48() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.200", true),
            ("192.0.2.1", "192.0.3.1", false),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", true),
            ("2001:db8:1::1", "2001:db8:2::1", false),
            ("::ffff:192.0.2.1", "192.0.2.9", true),
        ] {
            let of = |text: &str| neighbours(text.parse().expect("an address"));
            assert_eq!(of(one) == of(other), same, "{one} {other}");
        }
    }
}
