//! Slows down those who guess passwords, without locking anybody out.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use tidings_db::attempt_limits::{self, AttemptKey, AttemptPolicy};
use tidings_db::audit::{self, Action, Outcome, TargetKind};
use tidings_db::credentials::{Credentials, LoginName};
use tidings_db::{DbError, GenericClient, TransactionOptions};
use tidings_domain::notification::UserId;

use super::{AccountError, AccountsState, ClientInfo};

const HOUR: Duration = Duration::from_hours(1);

/// For one account from one network.
pub const FROM_NETWORK: AttemptPolicy = AttemptPolicy {
    free: 5,
    first_block: Duration::from_secs(30),
    longest_block: Duration::from_mins(15),
    window: Duration::from_hours(24),
};

/// For one account from all networks together: only counted. From the threshold on, the account has one try a second.
const FROM_ANYWHERE: AttemptPolicy = AttemptPolicy {
    free: i32::MAX,
    first_block: Duration::ZERO,
    longest_block: Duration::ZERO,
    window: HOUR,
};

/// From so many failures in an hour on, tries at an account are slowed, wherever they come from.
const SLOW_THRESHOLD: i32 = 25;

const SLOW_INTERVAL: Duration = Duration::from_secs(1);

/// How many registrations a network has in an hour.
const REGISTRATIONS: i32 = 10;

/// How many messages a network may cause in an hour.
const MESSAGES: i32 = 10;

/// The attempts of one client at one account.
pub(super) struct Attempt {
    key: [u8; 32],
    network: Option<IpAddr>,
    user: Option<UserId>,
}

impl Attempt {
    /// The account is the user, or the name if there is none: both are limited alike.
    pub(super) fn at(
        state: &AccountsState,
        name: &LoginName,
        found: Option<&Credentials>,
        client: &ClientInfo,
    ) -> Self {
        let key = match (found, name) {
            (Some(found), _) => return Self::at_user(state, found.user, client),
            (None, LoginName::Email(email)) => format!("email {}", email.as_str()),
            (None, LoginName::Username(name)) => format!("name {}", name.as_str()),
        };
        Self {
            key: state.keys.stored_digest("attempt", key.as_bytes()),
            network: client.ip.map(network),
            user: None,
        }
    }

    pub(super) fn at_user(state: &AccountsState, user: UserId, client: &ClientInfo) -> Self {
        let key = format!("user {user}");
        Self {
            key: state.keys.stored_digest("attempt", key.as_bytes()),
            network: client.ip.map(network),
            user: Some(user),
        }
    }

    fn network_key(&self) -> AttemptKey<'_> {
        AttemptKey {
            key: &self.key,
            network: Some(self.network.unwrap_or(UNKNOWN)),
        }
    }

    fn account_key(&self) -> AttemptKey<'_> {
        AttemptKey {
            key: &self.key,
            network: None,
        }
    }

    /// Takes a try.
    ///
    /// # Errors
    ///
    /// Returns [`AccountError::TooManyAttempts`] if the client, or the account, has failed too often.
    pub(super) async fn take(&self, state: &AccountsState) -> Result<(), AccountError> {
        let wait = state
            .database
            .run(async |client| {
                if let Some(wait) = attempt_limits::blocked_for(client, self.network_key()).await? {
                    return Ok(Some(wait));
                }
                let key = self.account_key();
                attempt_limits::take_slowly(client, key, SLOW_THRESHOLD, HOUR, SLOW_INTERVAL).await
            })
            .await?;
        refuse(wait)
    }

    /// Asks again before the password is hashed: others may have failed while this one waited for its turn.
    ///
    /// # Errors
    ///
    /// Returns [`AccountError::TooManyAttempts`] if the client has failed too often.
    pub(super) async fn check(&self, state: &AccountsState) -> Result<(), AccountError> {
        let wait = state
            .database
            .run(async |client| attempt_limits::blocked_for(client, self.network_key()).await)
            .await?;
        refuse(wait)
    }

    /// Counts a failure. The first one in a minute leaves an entry in the audit log.
    ///
    /// # Errors
    ///
    /// Returns the error of the database.
    pub(super) async fn failed(
        &self,
        state: &AccountsState,
        client: &ClientInfo,
    ) -> Result<(), AccountError> {
        let origin = client.anonymous();
        // Tells entries about names that no user has apart, without the name.
        let digest = self.key.first_chunk().copied().map(u64::from_be_bytes);
        let digest = format!("{:016x}", digest.unwrap_or_default());
        let recorded = self.key_of_entry(state);
        state
            .database
            .transaction(TransactionOptions::default(), async |transaction| {
                let count =
                    attempt_limits::count(transaction, self.network_key(), FROM_NETWORK).await?;
                attempt_limits::count(transaction, self.account_key(), FROM_ANYWHERE).await?;
                let key = AttemptKey {
                    key: &recorded,
                    network: self.network_key().network,
                };
                let minute = Duration::from_mins(1);
                if attempt_limits::take(transaction, key, 1, minute)
                    .await?
                    .is_some()
                {
                    return Ok(());
                }
                let entry = origin
                    .entry(Action::AuthLoginFailed)
                    .ended(Outcome::Refused)
                    .with("failures", count)
                    .with("account", digest.as_str());
                let entry = match self.user {
                    Some(user) => entry.on(TargetKind::User, user),
                    None => entry,
                };
                audit::record(transaction, &entry).await
            })
            .await?;
        Ok(())
    }

    fn key_of_entry(&self, state: &AccountsState) -> [u8; 32] {
        state.keys.stored_digest("audit", &self.key)
    }

    /// Forgets the failures from this network, because an attempt was right.
    ///
    /// # Errors
    ///
    /// Returns the error of the query.
    pub(super) async fn succeeded(&self, client: &impl GenericClient) -> Result<(), DbError> {
        attempt_limits::forget(client, self.network_key()).await
    }
}

/// Takes one of the registrations of a network.
///
/// # Errors
///
/// Returns [`AccountError::TooManyAttempts`] if there are none left.
pub(super) async fn take_registration(
    state: &AccountsState,
    client: &ClientInfo,
) -> Result<(), AccountError> {
    take_of_network(state, client, "register", REGISTRATIONS).await
}

/// Takes one of the messages that a network may cause.
///
/// # Errors
///
/// Returns [`AccountError::TooManyAttempts`] if there are none left.
pub(super) async fn take_message(
    state: &AccountsState,
    client: &ClientInfo,
) -> Result<(), AccountError> {
    take_of_network(state, client, "message", MESSAGES).await
}

async fn take_of_network(
    state: &AccountsState,
    client: &ClientInfo,
    what: &str,
    limit: i32,
) -> Result<(), AccountError> {
    let digest = state.keys.stored_digest("attempt", what.as_bytes());
    let key = AttemptKey {
        key: &digest,
        network: client.ip.map(network),
    };
    let wait = state
        .database
        .run(async |client| attempt_limits::take(client, key, limit, HOUR).await)
        .await?;
    refuse(wait)
}

fn refuse(wait: Option<Duration>) -> Result<(), AccountError> {
    match wait {
        None => Ok(()),
        Some(retry_after) => Err(AccountError::TooManyAttempts { retry_after }),
    }
}

/// The network of clients without an address.
const UNKNOWN: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// The network of a client.
pub fn network_of(client: &ClientInfo) -> IpAddr {
    client.ip.map_or(UNKNOWN, network)
}

/// The network that one client may have all addresses of: an IPv4 address, or a /64.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => {
            let mask = u128::MAX << 64;
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_client_has_one_address_and_an_ipv6_client_has_a_64() {
        for (ip, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            let ip: IpAddr = ip.parse().expect("an address");
            assert_eq!(network(ip).to_string(), expected);
        }
    }
}
