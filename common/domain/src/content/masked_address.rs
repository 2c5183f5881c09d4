use std::fmt::Write as _;

use url::Url;

use crate::notification::Channel;

/// An address of which a person sees enough to recognise one that they know: `a***@example.com`, `+49***78`,
/// `https://example.com/…`, `fcm-…`.
#[must_use]
pub fn masked_address(channel: Channel, address: &str) -> String {
    match channel {
        Channel::InApp => String::new(),
        Channel::Email => match address.rsplit_once('@') {
            Some((local, domain)) => {
                let first: String = local.chars().take(1).collect();
                format!("{first}***@{domain}")
            }
            None => "***".to_owned(),
        },
        Channel::Sms => {
            let digits: Vec<char> = address.chars().collect();
            // Shorter ones are short codes.
            if digits.len() < 8 {
                return "***".to_owned();
            }
            let first: String = digits[..3].iter().collect();
            let last: String = digits[digits.len() - 2..].iter().collect();
            format!("{first}***{last}")
        }
        Channel::Push => {
            let first: String = address.chars().take(4).collect();
            format!("{first}…")
        }
        Channel::Webhook => match Url::parse(address) {
            Ok(url) => {
                let mut masked = format!("{}://{}", url.scheme(), url.host_str().unwrap_or("***"));
                if let Some(port) = url.port() {
                    // Writing to a String does not fail.
                    let _ = write!(masked, ":{port}");
                }
                masked + "/…"
            }
            Err(_) => "***".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_recognised_and_not_read() {
        for (channel, address, masked) in [
            (Channel::Email, "anna@example.com", "a***@example.com"),
            (Channel::Email, "\"a@b\"@example.com", "\"***@example.com"),
            (Channel::Email, "anna", "***"),
            (Channel::Sms, "+4915112345678", "+49***78"),
            (Channel::Sms, "12345", "***"),
            (Channel::Push, "abcdefghijkl", "abcd…"),
            (
                Channel::Webhook,
                "https://user:secret@example.com:8443/hook?key=1",
                "https://example.com:8443/…",
            ),
            (Channel::Webhook, "nothing", "***"),
            (Channel::InApp, "anything", ""),
        ] {
            assert_eq!(masked_address(channel, address), masked, "{address}");
        }
    }
}
