//! Who a client is, as far as addresses tell. Pure.
//!
//! Behind a proxy every connection comes from the proxy, which says in `X-Forwarded-For` where it came from. Anybody can send that header, so it is
//! read from its end, and believed only as far as proxies that the operator trusts have written it.

use axum::http::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// Each proxy adds to its end where the request came from.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// The part of an IPv6 address that is its network. Whoever has one address of it has them all.
const NETWORK: u128 = !0 << 64;

/// The proxies that are believed.
#[derive(Debug, Clone, Default)]
pub struct Trusted(Arc<[IpNet]>);

impl Trusted {
    /// Those in these networks.
    #[must_use]
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// The address of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    address: IpAddr,
    is_proxy: bool,
}

impl Peer {
    /// Who is at the other end of a connection.
    pub(super) fn connected(from: IpAddr, trusted: &Trusted) -> Self {
        let address = from.to_canonical();
        Self { address, is_proxy: trusted.has(address) }
    }

    /// Who sent a request that came over a connection from there.
    pub(super) fn asking(from: IpAddr, headers: &HeaderMap, trusted: &Trusted) -> Self {
        let lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().map(|line| line.to_str().unwrap_or("")).collect();
        let mut entries = lines.iter().rev().flat_map(|line| line.rsplit(','));
        let mut peer = Self::connected(from, trusted);
        while peer.is_proxy
            && let Some(before) = entries.next().and_then(read)
        {
            peer = Self::connected(before, trusted);
        }
        peer
    }

    /// Its address; an IPv4 one is never written as IPv6.
    #[must_use]
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// Whether it is a trusted proxy that did not say for whom it came.
    pub(super) fn is_proxy(self) -> bool {
        self.is_proxy
    }

    /// What it is counted by: its address, or the network of an IPv6 one.
    pub(super) fn counted_by(self) -> IpAddr {
        match self.address {
            IpAddr::V4(_) => self.address,
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        }
    }
}

/// Whether somebody else's request was passed on.
pub(super) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED_FOR) || headers.contains_key("forwarded")
}

/// An entry of the header: an address, and with some proxies a port.
fn read(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(from: &str, lines: &[&str], trusted: &[&str]) -> Peer {
        let networks: Vec<IpNet> = trusted.iter().map(|network| network.parse().expect("a network")).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().expect("a header's value"));
        }
        Peer::asking(from.parse().expect("an address"), &headers, &Trusted::new(&networks))
    }

    fn address(from: &str, lines: &[&str], trusted: &[&str]) -> String {
        peer(from, lines, trusted).address().to_string()
    }

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        assert_eq!(address("203.0.113.7", &["198.51.100.1"], &[]), "203.0.113.7");
        assert_eq!(address("203.0.113.7", &["198.51.100.1"], &["10.0.0.0/8"]), "203.0.113.7");
        assert_eq!(address("10.1.2.3", &[], &["10.0.0.0/8"]), "10.1.2.3", "a proxy that says nothing");
    }

    #[test]
    fn only_what_trusted_proxies_have_written_is_read() {
        let trusted = ["10.0.0.0/8", "2001:db8::/32"];
        for (lines, wanted) in [
            (&["198.51.100.1"][..], "198.51.100.1"),
            (&["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            (&["1.1.1.1, 198.51.100.1, 10.9.9.9"], "198.51.100.1"),
            (&["1.1.1.1", "198.51.100.1,10.9.9.9"], "198.51.100.1"),
            (&["198.51.100.1", "10.9.9.9"], "198.51.100.1"),
            (&["10.7.7.7, 10.9.9.9"], "10.7.7.7"),
            (&["198.51.100.1:4711"], "198.51.100.1"),
            (&["2001:db9::1"], "2001:db9::1"),
            (&["[2001:db9::1]"], "2001:db9::1"),
            (&["[2001:db9::1]:4711, 2001:db8::5"], "2001:db9::1"),
            (&["::ffff:198.51.100.1"], "198.51.100.1"),
            (&["1.1.1.1, ::ffff:10.9.9.9"], "1.1.1.1"),
        ] {
            assert_eq!(address("10.1.2.3", lines, &trusted), wanted, "{lines:?}");
        }
        assert_eq!(address("::ffff:10.1.2.3", &["198.51.100.1"], &trusted), "198.51.100.1");
    }

    #[test]
    fn what_cannot_be_read_ends_the_way_back() {
        for line in ["198.51.100.1, unknown", "198.51.100.1,", "198.51.100.1, 10.9.9", "", "198.51.100.1, _hidden"] {
            assert_eq!(address("10.1.2.3", &[line], &["10.0.0.0/8"]), "10.1.2.3", "{line:?}");
        }
        assert_eq!(address("10.1.2.3", &["198.51.100.1, junk, 10.9.9.9"], &["10.0.0.0/8"]), "10.9.9.9");
    }

    #[test]
    fn an_ipv6_client_is_counted_by_its_network() {
        let counted = |address| peer(address, &[], &[]).counted_by().to_string();
        assert_eq!(counted("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(counted("2001:db8:1:2:ffff::"), "2001:db8:1:2::");
        assert_eq!(counted("::ffff:203.0.113.7"), "203.0.113.7");
        assert_eq!(counted("203.0.113.7"), "203.0.113.7");
    }

    #[test]
    fn a_proxy_that_came_for_nobody_is_one() {
        assert!(peer("10.1.2.3", &[], &["10.0.0.0/8"]).is_proxy());
        assert!(!peer("10.1.2.3", &["198.51.100.1"], &["10.0.0.0/8"]).is_proxy());
        assert!(!peer("10.1.2.3", &[], &[]).is_proxy());
    }
}
