use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lapin::uri::AMQPUri;
use url::{Host, Url};
use uuid::Uuid;

/// Where the broker is: the address of one node, or those of several of a cluster. Never empty.
///
/// Clones share what is known of them, so that whatever connects next begins where another has
/// succeeded.
#[derive(Clone, Debug)]
pub struct Addresses {
    all: Arc<[Address]>,
    /// The place of the one to begin with.
    first: Arc<AtomicUsize>,
}

/// The address of one node. Shown without its login.
#[derive(Clone)]
pub struct Address {
    place: usize,
    uri: Arc<AMQPUri>,
}

/// Why a text is no address, or no list of them. Quotes nothing of the text, which holds passwords.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddresses {
    /// Something else than a URI of AMQP.
    #[error("is no AMQP URI: {0}")]
    Uri(String),
    /// The same within a list.
    #[error("number {0} is no AMQP URI: {1}")]
    UriOfList(usize, String),
    /// More than [`Addresses::MAX`].
    #[error("has more than {} addresses", Addresses::MAX)]
    TooMany,
    /// Nodes of a cluster have the same virtual hosts, so somebody meant another cluster.
    #[error("must name the same virtual host in each address")]
    VirtualHosts,
}

impl Addresses {
    /// How many there may be.
    pub const MAX: usize = 16;

    /// Reads one address.
    ///
    /// # Errors
    ///
    /// Where it is no URI of AMQP.
    pub fn one(text: &str) -> Result<Self, InvalidAddresses> {
        let uri = parse(text).map_err(InvalidAddresses::Uri)?;
        Ok(Self::of(vec![uri], 0))
    }

    /// Reads addresses that are separated by commas. Which of them is the first to be tried is left
    /// to chance, so that many processes spread over all nodes.
    ///
    /// # Errors
    ///
    /// Where one is no URI of AMQP, or they do not belong together.
    pub fn list(text: &str) -> Result<Self, InvalidAddresses> {
        let mut uris = Vec::new();
        for (index, text) in text.split(',').enumerate() {
            let uri = parse(text.trim());
            uris.push(uri.map_err(|error| InvalidAddresses::UriOfList(index + 1, error))?);
        }
        if uris.len() > Self::MAX {
            return Err(InvalidAddresses::TooMany);
        }
        if uris.iter().any(|uri| uri.vhost != uris[0].vhost) {
            return Err(InvalidAddresses::VirtualHosts);
        }
        let chance = usize::from(Uuid::new_v4().as_bytes()[0]);
        let first = chance % uris.len();
        Ok(Self::of(uris, first))
    }

    fn of(uris: Vec<AMQPUri>, first: usize) -> Self {
        let address = |(place, uri)| Address {
            place,
            uri: Arc::new(uri),
        };
        Self {
            all: uris.into_iter().enumerate().map(address).collect(),
            first: Arc::new(AtomicUsize::new(first)),
        }
    }

    /// All, in the order in which they are written.
    #[must_use]
    pub fn all(&self) -> &[Address] {
        &self.all
    }

    /// All, each once, in the order in which to try them.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = &Address> {
        let first = self.first.load(Ordering::Relaxed);
        let (before, from_there) = self.all.split_at(first);
        from_there.iter().chain(before)
    }

    /// Notes that a node can be used: whoever connects next begins with it.
    pub(super) fn prefer(&self, address: &Address) {
        self.first.store(address.place, Ordering::Relaxed);
    }

    /// Notes that a node is of no use any more: whoever connects next begins with the one after it,
    /// unless somebody has found a better one since.
    pub(super) fn leave(&self, address: &Address) {
        let next = (address.place + 1) % self.all.len();
        let _ =
            self.first
                .compare_exchange(address.place, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl Address {
    pub(super) fn uri(&self) -> &AMQPUri {
        &self.uri
    }

    /// This one alone.
    #[must_use]
    pub fn alone(&self) -> Addresses {
        Addresses::of(vec![AMQPUri::clone(&self.uri)], 0)
    }
}

/// `host:port`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = &self.uri.authority;
        let (host, port) = (&authority.host, authority.port);
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn parse(text: &str) -> Result<AMQPUri, String> {
    // The parser quotes what it cannot make anything of, and that may be a password.
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !["amqp", "amqps"].contains(&url.scheme()) || url.cannot_be_a_base() {
        return Err("it must begin with amqp:// or amqps://".to_owned());
    }
    let mut uri: AMQPUri = text.parse()?;
    // It would take such an address for one that names no host.
    if let Some(Host::Ipv6(host)) = url.host() {
        uri.authority.host = host.to_string();
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts<'a>(addresses: impl IntoIterator<Item = &'a Address>) -> Vec<String> {
        addresses.into_iter().map(ToString::to_string).collect()
    }

    fn three() -> Addresses {
        let addresses = Addresses::list("amqp://u:p@a/v, amqp://u:p@b:1/v,amqps://u:p@c/v");
        addresses.expect("addresses")
    }

    #[test]
    fn addresses_are_shown_by_host_and_port_alone() {
        let addresses = three();
        assert_eq!(hosts(addresses.all()), ["a:5672", "b:1", "c:5671"]);
        assert!(format!("{addresses:?}").contains("[a:5672, b:1, c:5671]"));
        let v6 = Addresses::one("amqp://u:p@[fd00::1]:7/%2f").expect("an address");
        assert_eq!(hosts(v6.all()), ["[fd00::1]:7"]);
        assert_eq!(v6.all()[0].uri().authority.host, "fd00::1");
    }

    #[test]
    fn the_first_to_be_tried_is_left_to_chance() {
        let firsts = (0..200).map(|_| three().in_turn().next().expect("one").place);
        let mut firsts: Vec<_> = firsts.collect();
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts, [0, 1, 2]);
    }

    #[test]
    fn trying_begins_where_it_succeeded_and_goes_round_once() {
        let addresses = three();
        let other = addresses.clone();
        other.prefer(&addresses.all()[1]);
        assert_eq!(hosts(addresses.in_turn()), ["b:1", "c:5671", "a:5672"]);
        other.leave(&addresses.all()[1]);
        assert_eq!(hosts(addresses.in_turn()), ["c:5671", "a:5672", "b:1"]);
        other.leave(&addresses.all()[2]);
        assert_eq!(hosts(addresses.in_turn()), ["a:5672", "b:1", "c:5671"]);
    }

    #[test]
    fn two_who_leave_the_same_node_leave_it_once() {
        let addresses = three();
        addresses.prefer(&addresses.all()[0]);
        addresses.leave(&addresses.all()[0]);
        addresses.leave(&addresses.all()[0]);
        assert_eq!(addresses.in_turn().next().expect("one").place, 1);
    }

    #[test]
    fn an_only_address_is_always_the_one_to_try() {
        let only = three().all()[2].alone();
        only.leave(&only.all()[0]);
        assert_eq!(hosts(only.in_turn()), ["c:5671"]);
    }

    #[test]
    fn what_is_no_list_of_addresses_is_refused_and_not_quoted() {
        for (text, part) in [
            ("", "number 1 is no AMQP URI"),
            ("amqp://u:p@a/v,", "number 2 is no AMQP URI"),
            ("amqp://u:p@a/v,hunter2:hunter2@b/v", "number 2"),
            ("amqp://u:hunter2,hunter2@a/v", "number 1"),
            ("amqp://u:p@a/v,http://u:hunter2@b/v", "amqp://"),
            ("amqp:hunter2", "must begin with amqp://"),
            ("amqp://u:p@a/v,amqp://u:p@b/w", "same virtual host"),
            (&["amqp://u:p@a/v"; 17].join(","), "more than 16"),
        ] {
            let error = Addresses::list(text).expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let error = Addresses::one("user:hunter2@host").expect_err("no URI");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
