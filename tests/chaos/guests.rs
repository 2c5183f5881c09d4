//! Recipients without an account who unsubscribe by the links of their e-mails, and undo that.

use anyhow::Context;
use tidings_domain::category::CategoryName;
use tidings_domain::content::EmailAddress;
use tidings_domain::notification::Channel;
use tidings_domain::preference::{AddressHash, Recipient};
use tidings_unsubscribe::{LinkTarget, UnsubscribeLinks, UnsubscribeSecrets};
use uuid::Uuid;

use crate::ledger::Choice;

/// The channel of the links.
pub const CHANNEL: &str = "email";

/// How many there are.
const COUNT: usize = 6;

/// `PUBLIC_URL` and `UNSUBSCRIBE_SECRETS` of the programs.
pub const SETTINGS: [(&str, &str); 2] = [
    ("PUBLIC_URL", "https://notifications.example.com"),
    (
        "UNSUBSCRIBE_SECRETS",
        "a-secret-for-links-of-chaos-runs-000001",
    ),
];

/// Their addresses.
pub fn addresses() -> [String; COUNT] {
    std::array::from_fn(|n| format!("guest-{n}@example.org"))
}

/// By what the ledger and the rows name an address. No user has this id.
pub fn key(address: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, address.as_bytes())
}

/// The links of a guest.
#[derive(Clone, Debug)]
pub struct GuestLinks {
    links: UnsubscribeLinks,
    recipient: Recipient,
}

impl GuestLinks {
    pub fn of(address: &str) -> anyhow::Result<Self> {
        let [(_, public_url), (_, secrets)] = SETTINGS;
        let secrets = UnsubscribeSecrets::parse(secrets).context("the secret")?;
        let address: EmailAddress = address.parse().context("an address")?;
        Ok(Self {
            links: UnsubscribeLinks::new(public_url.parse()?, secrets),
            recipient: Recipient::Address(AddressHash::from(&address)),
        })
    }

    /// The path and the query of the request that makes a choice, or takes it back.
    pub fn request(&self, choice: &Choice) -> anyhow::Result<String> {
        let category: CategoryName = choice.category.parse().context("a category")?;
        let token = self.links.token(&LinkTarget {
            recipient: self.recipient,
            category,
            channel: Channel::Email,
        });
        let query = match choice.enabled {
            Some(false) => "",
            _ => "?undo",
        };
        Ok(format!("/u/{token}{query}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_a_link() {
        let [address, other, ..] = addresses();
        let links = GuestLinks::of(&address).expect("links");
        let choice = |enabled| Choice {
            category: "orders".to_owned(),
            channel: CHANNEL.to_owned(),
            enabled,
        };
        let path = links.request(&choice(Some(false))).expect("a path");
        let token = path.strip_prefix("/u/").expect("a token");
        let target = links.links.read(token).expect("valid");
        assert_eq!(target.recipient, links.recipient);
        assert_eq!(
            (target.category.as_str(), target.channel),
            ("orders", Channel::Email)
        );
        let undo = links.request(&choice(None)).expect("a path");
        assert_eq!(undo, format!("{path}?undo"));
        assert_ne!(key(&address), key(&other));
    }
}
