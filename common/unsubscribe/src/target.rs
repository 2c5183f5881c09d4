use tidings_domain::category::CategoryName;
use tidings_domain::notification::Channel;
use tidings_domain::preference::{AddressHash, Recipient};
use uuid::Uuid;

/// The version of the format.
const VERSION: u8 = 1;

const USER: u8 = 1;
const ADDRESS: u8 = 2;

/// Who does not want what on which channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkTarget {
    /// Who.
    pub recipient: Recipient,
    /// The category.
    pub category: CategoryName,
    /// The channel.
    pub channel: Channel,
}

/// The text is not a token of this installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not the token of a link to unsubscribe")]
pub struct InvalidToken;

impl LinkTarget {
    /// The most bytes of [`LinkTarget::encode`].
    pub(crate) const MAX_LENGTH: usize =
        1 + 1 + AddressHash::LENGTH + 1 + CategoryName::MAX_LENGTH + 1;

    /// The bytes that are signed: version, kind, recipient, length of the category, category, channel.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::MAX_LENGTH);
        bytes.push(VERSION);
        match &self.recipient {
            Recipient::User(user) => {
                bytes.push(USER);
                bytes.extend(user.as_uuid().as_bytes());
            }
            Recipient::Address(hash) => {
                bytes.push(ADDRESS);
                bytes.extend(hash.as_bytes());
            }
        }
        let category = self.category.as_str().as_bytes();
        // A name has at most 64 bytes.
        bytes.push(u8::try_from(category.len()).unwrap_or(u8::MAX));
        bytes.extend(category);
        bytes.push(number(self.channel));
        bytes
    }

    /// Reads what [`LinkTarget::encode`] has written.
    ///
    /// # Errors
    ///
    /// Fails for all other bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, InvalidToken> {
        Self::parse(bytes).ok_or(InvalidToken)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&[VERSION])?;
        let (kind, rest) = rest.split_first()?;
        let (recipient, rest) = match *kind {
            USER => {
                let (id, rest) = rest.split_first_chunk::<16>()?;
                (Recipient::User(Uuid::from_bytes(*id).into()), rest)
            }
            ADDRESS => {
                let (hash, rest) = rest.split_first_chunk::<{ AddressHash::LENGTH }>()?;
                (Recipient::Address((*hash).into()), rest)
            }
            _ => return None,
        };
        let (length, rest) = rest.split_first()?;
        let (category, channel) = rest.split_at_checked(usize::from(*length))?;
        let [channel] = channel else {
            return None;
        };
        let mut channels = Channel::ALL.into_iter();
        Some(Self {
            recipient,
            category: str::from_utf8(category).ok()?.parse().ok()?,
            channel: channels.find(|one| number(*one) == *channel)?,
        })
    }
}

/// The number of a channel in tokens. It never changes, because old e-mails keep their links.
const fn number(channel: Channel) -> u8 {
    match channel {
        Channel::InApp => 1,
        Channel::Email => 2,
        Channel::Sms => 3,
        Channel::Push => 4,
        Channel::Webhook => 5,
    }
}
