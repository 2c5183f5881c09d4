use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lapin::uri::{AMQPScheme, AMQPUri};
use url::{Host, Url};
use uuid::Uuid;

/// The addresses of the broker's nodes: one, or several of a cluster. Never empty.
///
/// Clones share which address is tried first, so that each connection starts with the node that worked last.
#[derive(Clone, Debug)]
pub struct Addresses {
    all: Arc<[Address]>,
    /// Index of the address that is tried first.
    first: Arc<AtomicUsize>,
}

/// The address of one node. `Display` and `Debug` show host and port, never the credentials.
#[derive(Clone)]
pub struct Address {
    index: usize,
    uri: Arc<AMQPUri>,
}

/// Why a text is not a list of addresses. Never quotes the text, because it contains passwords.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddresses {
    /// The text is not an AMQP URI.
    #[error("is no AMQP URI: {0}")]
    Uri(String),
    /// An element of a list, counted from 1, is not an AMQP URI.
    #[error("number {0} is no AMQP URI: {1}")]
    UriOfList(usize, String),
    /// The list has more than [`Addresses::MAX`] elements.
    #[error("has more than {} addresses", Addresses::MAX)]
    TooMany,
    /// The addresses name different virtual hosts, so they cannot belong to one cluster.
    #[error("must name the same virtual host in each address")]
    VirtualHosts,
}

impl Addresses {
    /// Maximum number of addresses.
    pub const MAX: usize = 16;

    /// Reads one address.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidAddresses::Uri`] if `text` is not an AMQP URI.
    pub fn one(text: &str) -> Result<Self, InvalidAddresses> {
        let uri = parse(text).map_err(InvalidAddresses::Uri)?;
        Ok(Self::of(vec![uri], 0))
    }

    /// Reads addresses that are separated by commas. A random one is tried first, so that many processes spread
    /// over all nodes.
    ///
    /// # Errors
    ///
    /// Returns the first problem: an invalid URI, too many addresses, or different virtual hosts.
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
        let address = |(index, uri)| Address {
            index,
            uri: Arc::new(uri),
        };
        Self {
            all: uris.into_iter().enumerate().map(address).collect(),
            first: Arc::new(AtomicUsize::new(first)),
        }
    }

    /// All addresses, in the order in which they are written.
    #[must_use]
    pub fn all(&self) -> &[Address] {
        &self.all
    }

    /// The virtual host.
    #[must_use]
    pub fn vhost(&self) -> &str {
        &self.all[0].uri.vhost
    }

    /// All addresses, each once, in the order in which to try them.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = &Address> {
        let first = self.first.load(Ordering::Relaxed);
        let (before, from_there) = self.all.split_at(first);
        from_there.iter().chain(before)
    }

    /// Makes a node that works the first for the next connection.
    pub(super) fn prefer(&self, address: &Address) {
        self.first.store(address.index, Ordering::Relaxed);
    }

    /// Makes the node after `address` the first for the next connection, unless another node has become the first
    /// meanwhile.
    pub(super) fn avoid(&self, address: &Address) {
        let next = (address.index + 1) % self.all.len();
        let _ =
            self.first
                .compare_exchange(address.index, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl Address {
    pub(super) fn uri(&self) -> &AMQPUri {
        &self.uri
    }

    pub(super) fn host(&self) -> &str {
        &self.uri.authority.host
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.uri.scheme == AMQPScheme::AMQPS
    }

    /// A list of this address alone.
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

const ESCAPE: &str = "user, password and virtual host must be percent-encoded: write @ as %40, / as %2F, ? as %3F, # as %23 and : as %3A";

/// Whether a character in user or password ends them too early, so that another host would be used.
fn has_unescaped_login(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let is_cut_off = !authority.contains('@') && authority.contains(':') && rest.contains('@');
    authority.matches('@').count() > 1 || is_cut_off
}

fn parse(text: &str) -> Result<AMQPUri, String> {
    // The error of the AMQP parser quotes the text, which may be a password. Hence the check by `Url` first.
    let (_, rest) = text.split_once("://").unwrap_or(("", text));
    if has_unescaped_login(rest) {
        return Err(ESCAPE.to_owned());
    }
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !["amqp", "amqps"].contains(&url.scheme()) || url.cannot_be_a_base() {
        return Err("it must begin with amqp:// or amqps://".to_owned());
    }
    if url.fragment().is_some() {
        return Err(ESCAPE.to_owned());
    }
    if url.path() == "/" {
        return Err(
            "the virtual host is empty: leave out the slash at the end, or write %2f, for the default virtual host /"
                .to_owned(),
        );
    }
    let mut uri: AMQPUri = text.parse()?;
    // The AMQP parser ignores an IPv6 host.
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
    fn the_first_address_is_random() {
        let firsts = (0..200).map(|_| three().in_turn().next().expect("one").index);
        let mut firsts: Vec<_> = firsts.collect();
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts, [0, 1, 2]);
    }

    #[test]
    fn each_address_is_tried_once_and_the_one_that_worked_last_is_first() {
        let addresses = three();
        let other = addresses.clone();
        other.prefer(&addresses.all()[1]);
        assert_eq!(hosts(addresses.in_turn()), ["b:1", "c:5671", "a:5672"]);
        other.avoid(&addresses.all()[1]);
        assert_eq!(hosts(addresses.in_turn()), ["c:5671", "a:5672", "b:1"]);
        other.avoid(&addresses.all()[2]);
        assert_eq!(hosts(addresses.in_turn()), ["a:5672", "b:1", "c:5671"]);
    }

    #[test]
    fn a_node_that_is_avoided_twice_moves_the_first_address_once() {
        let addresses = three();
        addresses.prefer(&addresses.all()[0]);
        addresses.avoid(&addresses.all()[0]);
        addresses.avoid(&addresses.all()[0]);
        assert_eq!(addresses.in_turn().next().expect("one").index, 1);
    }

    #[test]
    fn a_single_address_stays_the_first() {
        let only = three().all()[2].alone();
        only.avoid(&only.all()[0]);
        assert_eq!(hosts(only.in_turn()), ["c:5671"]);
    }

    #[test]
    fn an_invalid_list_of_addresses_is_refused_and_not_quoted() {
        for (text, part) in [
            ("", "number 1 is no AMQP URI"),
            ("amqp://u:p@a/v,", "number 2 is no AMQP URI"),
            ("amqp://u:p@a/v,hunter2:hunter2@b/v", "number 2"),
            ("amqp://u:hunter2,hunter2@a/v", "number 1"),
            ("amqp://u:p@a/v,http://u:hunter2@b/v", "amqp://"),
            ("amqp:hunter2", "must begin with amqp://"),
            ("amqp://u:hunter2@a/", "virtual host is empty"),
            ("amqp://u:hunter2#x@a/v", "# as %23"),
            ("amqp://u:hunter2/x@a/v", "/ as %2F"),
            ("amqp://u:hunter2?x@a/v", "? as %3F"),
            ("amqp://u:hunter2@x@a/v", "@ as %40"),
            ("amqp://u:p@a/hunter2#x", "# as %23"),
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
