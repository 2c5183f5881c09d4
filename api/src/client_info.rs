//! The client of a request, behind proxies.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::HeaderValue;
use actix_web::{HttpMessage, HttpRequest};
use ipnet::IpNet;

use crate::accounts::ClientInfo;
use crate::request_id::RequestId;
use crate::state::AppState;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Returns what is known about the client of a request.
pub fn client_info(request: &HttpRequest) -> ClientInfo {
    let id = request.extensions().get::<RequestId>().cloned();
    let values = |name| {
        let values = request.headers().get_all(name);
        values.map(HeaderValue::as_bytes).collect()
    };
    let peer = request.peer_addr().as_ref().map(SocketAddr::ip);
    let trusted = &AppState::of(request).trusted_proxies;
    of_headers(
        peer,
        values,
        trusted,
        id.unwrap_or_else(RequestId::generate),
    )
}

/// Returns what is known about the client of a request, whatever its protocol. `values` returns the values of all headers with
/// a name.
pub fn of_headers<'a>(
    peer: Option<IpAddr>,
    values: impl Fn(&'static str) -> Vec<&'a [u8]>,
    trusted: &[IpNet],
    RequestId(request_id): RequestId,
) -> ClientInfo {
    let text = |value: &&'a [u8]| std::str::from_utf8(value).ok();
    // Several headers are one list.
    let forwarded = values(FORWARDED_FOR);
    let forwarded: Vec<&str> = forwarded.iter().filter_map(text).collect();
    let agent = values("user-agent").first().copied();
    ClientInfo {
        ip: peer.map(|peer| behind_proxies(peer, &forwarded.join(","), trusted)),
        user_agent: agent.map(|value| String::from_utf8_lossy(value).into_owned()),
        request_id,
    }
}

/// Returns the last address that no trusted proxy has: each proxy appends the address of its client, and what is before
/// may have been sent by anybody.
fn behind_proxies(peer: IpAddr, forwarded: &str, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|network| network.contains(&ip));
    let mut client = peer.to_canonical();
    for text in forwarded.rsplit(',').map(str::trim) {
        if !is_trusted(client) {
            break;
        }
        let Some(ip) = address(text) else {
            break;
        };
        client = ip.to_canonical();
    }
    client
}

/// Parses an address, which some proxies send with a port.
fn address(text: &str) -> Option<IpAddr> {
    let socket = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    text.parse().ok().or_else(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_trusted_proxy_has_appended_is_believed() {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "2001:db8::/32"]
            .map(|text| text.parse().expect("a network"))
            .into();
        for (peer, forwarded, expected) in [
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
            ("10.0.0.1", "203.0.113.7:4711", "203.0.113.7"),
            ("::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7"),
            ("2001:db8::1", "[2001:db9::7]:80", "2001:db9::7"),
            ("10.0.0.1", "1.1.1.1, 203.0.113.7, 10.2.3.4", "203.0.113.7"),
            ("10.0.0.1", "203.0.113.7, unknown", "10.0.0.1"),
            // A stranger says what it likes.
            ("192.0.2.1", "203.0.113.7", "192.0.2.1"),
            ("10.0.0.1", "1.1.1.1, 192.0.2.1", "192.0.2.1"),
        ] {
            let peer = peer.parse().expect("an address");
            let expected: IpAddr = expected.parse().expect("an address");
            assert_eq!(
                behind_proxies(peer, forwarded, &trusted),
                expected,
                "{forwarded}"
            );
        }
        let peer: IpAddr = "127.0.0.1".parse().expect("an address");
        assert_eq!(behind_proxies(peer, "203.0.113.7", &[]), peer);
    }
}
