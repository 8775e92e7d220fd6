//! Finds the client of a request. A proxy names the client in `X-Forwarded-For`. Anyone can send that
//! header, so it is only believed from a trusted proxy.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// The addresses that count as one client: an IPv4 address, or an IPv6 network of 64 bits, because a
/// client with one IPv6 address usually has a whole network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum AddressBlock {
    V4(std::net::Ipv4Addr),
    V6([u16; 4]),
}

impl From<IpAddr> for AddressBlock {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

/// An extension of each request: the client whose limits apply. `None` for a trusted proxy, which has no
/// limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub(crate) Option<AddressBlock>);

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Trusts the proxies with an address in one of `networks`.
    pub(crate) fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// The client whose limits apply to a connection. `None` for a trusted proxy, because it sends the
    /// requests of many clients.
    pub(super) fn limited(&self, peer: IpAddr) -> Option<AddressBlock> {
        (!self.trusts(peer)).then(|| peer.into())
    }

    /// The client that sent a request: the last address of the header that is not a trusted proxy. The
    /// client itself can have written the addresses before it.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        if !self.trusts(peer) {
            return ClientAddress(Some(peer.into()));
        }
        let named = headers.get_all(FORWARDED_FOR).iter().rev();
        let named = named.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        let mut last = peer;
        for name in named {
            // The proxy did not write an address, so the proxy counts as the client.
            let Some(address) = parse(name) else { break };
            last = address;
            if !self.trusts(address) {
                break;
            }
        }
        ClientAddress(self.limited(last))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Reads an address as proxies write it: alone, with a port, or in brackets (IPv6).
fn parse(name: &[u8]) -> Option<IpAddr> {
    let name = std::str::from_utf8(name).ok()?.trim();
    let in_brackets =
        || name.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::from);
    let with_port = || name.parse::<SocketAddr>().ok().map(|address| address.ip());
    name.parse().ok().or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn client(peer: &str, forwarded: &[&str]) -> Option<AddressBlock> {
        let proxies = TrustedProxies::new(
            ["127.0.0.0/8", "::1/128", "10.0.0.0/8"].map(|network| network.parse().unwrap()),
        );
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        proxies.client(ip(peer), &headers).0
    }

    fn is(address: &str) -> Option<AddressBlock> {
        Some(ip(address).into())
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), is("192.0.2.1"));
        assert_eq!(client("127.0.0.1", &["198.51.100.7"]), is("198.51.100.7"));
        assert_eq!(client("::ffff:127.0.0.1", &["198.51.100.7"]), is("198.51.100.7"));
        assert_eq!(client("127.0.0.1", &[]), None);
    }

    #[test]
    fn what_the_client_wrote_itself_does_not_count() {
        assert_eq!(client("127.0.0.1", &["1.1.1.1, 198.51.100.7"]), is("198.51.100.7"));
        assert_eq!(client("127.0.0.1", &["1.1.1.1", "198.51.100.7, 10.1.1.1"]), is("198.51.100.7"));
        // A chain of trusted proxies only: the request is one of their own.
        assert_eq!(client("127.0.0.1", &["10.0.0.1, 10.0.0.2"]), None);
        assert_eq!(client("127.0.0.1", &["1.1.1.1, unknown"]), None);
    }

    #[test]
    fn proxies_write_addresses_in_several_ways() {
        for name in ["192.0.2.1", " 192.0.2.1 ", "192.0.2.1:4711", "::ffff:192.0.2.1"] {
            assert_eq!(client("::1", &[name]), is("192.0.2.1"), "{name}");
        }
        for name in ["2001:db8::1", "[2001:db8::2]", "[2001:db8::3]:4711"] {
            assert_eq!(client("::1", &[name]), is("2001:db8::ffff"), "{name}");
        }
        assert_ne!(is("2001:db8:0:1::1"), is("2001:db8:0:2::1"));
    }
}
