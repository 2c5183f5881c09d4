//! The URLs of a receiver that is many destinations at once.

use std::fmt;
use std::net::Ipv4Addr;

/// URLs with addresses from 127.0.0.1 on and the same port. The worker tells destinations apart by host and port, and
/// one listener serves the whole network 127.0.0.0/8.
#[derive(Clone, Copy, Debug)]
pub struct WebhookUrls {
    port: u16,
    destinations: u32,
}

/// A URL of [`WebhookUrls`].
#[derive(Clone, Copy, Debug)]
pub struct LoopbackUrl {
    address: Ipv4Addr,
    port: u16,
}

impl WebhookUrls {
    /// URLs of this many destinations, at least one.
    #[must_use]
    pub const fn new(port: u16, destinations: u32) -> Self {
        let destinations = if destinations == 0 { 1 } else { destinations };
        Self { port, destinations }
    }

    /// The URL of the notification `number`.
    #[must_use]
    pub fn of(self, number: u64) -> LoopbackUrl {
        let destination = u32::try_from(number % u64::from(self.destinations)).unwrap_or(0);
        LoopbackUrl {
            address: address_of(destination),
            port: self.port,
        }
    }
}

impl fmt::Display for LoopbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}/", self.address, self.port)
    }
}

/// The address of the destination with this number, counted from 0.
fn address_of(destination: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + destination)
}

/// The number of the destination with this address, counted from 0.
pub fn destination_of(address: Ipv4Addr) -> u32 {
    address
        .to_bits()
        .saturating_sub(Ipv4Addr::LOCALHOST.to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_destination_has_an_address_of_its_own() {
        let urls = WebhookUrls::new(80, 300);
        let url = |number| urls.of(number).to_string();
        assert_eq!(url(0), "http://127.0.0.1:80/");
        assert_eq!(url(299), "http://127.0.1.44:80/");
        assert_eq!(url(300), url(0));
        assert_eq!(destination_of(address_of(299)), 299);
    }
}
