//! Addresses as people type them: of an abtest to ask, and to listen on.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use http::Uri;

/// The address of an abtest: http or https, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address(String);

impl Address {
    /// The address as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.uri().host().is_some_and(is_local)
    }

    /// Whether both lead to the same server: `localhost` and `127.0.0.1` are the same host.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        let (one, two) = (self.uri(), other.uri());
        let rest = |uri: &Uri| {
            (uri.scheme_str().map(str::to_owned), uri.port_u16(), uri.path().to_owned())
        };
        self == other || (self.is_local() && other.is_local() && rest(&one) == rest(&two))
    }

    /// Whether it is an API Gateway's own address without a stage, such as /prod.
    pub(crate) fn lacks_stage(&self) -> bool {
        let uri = self.uri();
        uri.host().is_some_and(|host| host.contains(".execute-api.")) && uri.path().len() <= 1
    }

    /// The address with the other scheme: http for https, https for http.
    pub(crate) fn with_other_scheme(&self) -> String {
        match self.0.strip_prefix("https://") {
            Some(rest) => format!("http://{rest}"),
            None => self.0.replacen("http://", "https://", 1),
        }
    }

    /// The address without its path.
    pub(crate) fn origin(&self) -> String {
        self.0.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
    }

    /// Whether it speaks TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    fn uri(&self) -> Uri {
        // It was parsed before.
        self.0.parse().unwrap_or_default()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Address {
    type Err = String;

    /// A missing scheme becomes http for this machine and its network, and https for the rest of
    /// the internet, because the API key is sent there.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |why: &str| {
            let text = text.escape_debug();
            format!(
                "`{text}` {why}; write an address such as http://127.0.0.1:8080 or https://example.org/prod"
            )
        };
        let text = text.trim();
        let with_scheme = match text.split_once("://") {
            Some((scheme @ ("http" | "https"), rest)) => {
                format!("{scheme}://{}", rest.trim_end_matches('/'))
            }
            Some(_) => return Err(wrong("is neither http nor https")),
            None => {
                let text = text.trim_end_matches('/');
                let host = host_of(text);
                let scheme = if is_local(host) || is_nearby(host) { "http" } else { "https" };
                format!("{scheme}://{text}")
            }
        };
        let uri: Uri = with_scheme.parse().map_err(|_| wrong("is not an address"))?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if uri.host().is_none_or(str::is_empty) {
            return Err(wrong("names no host"));
        }
        if authority.contains('@') {
            return Err(wrong("holds a user or a password, which abtest does not use"));
        }
        if uri.query().is_some() || with_scheme.contains('#') {
            return Err(wrong("has something after the path"));
        }
        Ok(Self(with_scheme))
    }
}

/// The host of an address without a scheme.
fn host_of(text: &str) -> &str {
    let authority = text.split('/').next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => authority,
    }
}

fn ip(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn is_local(host: &str) -> bool {
    host == "localhost" || ip(host).is_some_and(|ip| ip.is_loopback())
}

/// Whether a host is in the network of this machine: a name without a dot, or a private address.
fn is_nearby(host: &str) -> bool {
    match ip(host) {
        Some(IpAddr::V4(ip)) => ip.is_private() || ip.is_link_local() || ip.is_unspecified(),
        Some(IpAddr::V6(ip)) => ip.is_unique_local() || ip.is_unspecified(),
        None => !host.contains('.'),
    }
}

/// An address to listen on: `127.0.0.1:8080`, `localhost:8080`, or a port of 127.0.0.1 as `8080`
/// or `:8080`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listen(pub(crate) SocketAddr);

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let port = text.strip_prefix(':').unwrap_or(text);
        if let Ok(port) = port.parse::<u16>() {
            return Ok(Self((Ipv4Addr::LOCALHOST, port).into()));
        }
        let wrong = || {
            format!(
                "`{}` is not an address to listen on; write 8080 for this machine only, or 0.0.0.0:8080 for the network",
                text.escape_debug()
            )
        };
        let found = text.to_socket_addrs().map_err(|_| wrong())?.next();
        found.map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Listen {
    /// Why listening failed, and what to do, with the flag that sets the address.
    pub(crate) fn failure(self, error: &std::io::Error, flag: &str) -> String {
        use std::io::ErrorKind;
        let Self(address) = self;
        match error.kind() {
            ErrorKind::AddrInUse => format!(
                "cannot listen on {address}: another program uses this port; stop it, or choose \
                 another port, such as {flag} {}",
                if address.port() == u16::MAX { 8081 } else { address.port() + 1 }
            ),
            ErrorKind::AddrNotAvailable => format!(
                "cannot listen on {address}: {} is not an address of this machine; use \
                 {flag} {port} for this machine only, or {flag} 0.0.0.0:{port} for the network",
                address.ip(),
                port = address.port()
            ),
            ErrorKind::PermissionDenied => format!(
                "cannot listen on {address}: ports below 1024 need more rights; choose another \
                 port, such as {flag} 8080"
            ),
            _ => format!("cannot listen on {address}: {error}; choose another address with {flag}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> String {
        text.parse::<Address>().unwrap().to_string()
    }

    #[test]
    fn a_missing_scheme_is_http_nearby_and_https_elsewhere() {
        for (typed, meant) in [
            ("https://example.org/prod/", "https://example.org/prod"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("localhost:8080/", "http://localhost:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("192.168.1.7:8080", "http://192.168.1.7:8080"),
            ("foo", "http://foo"),
            (
                "abc.execute-api.eu-west-1.amazonaws.com/prod",
                "https://abc.execute-api.eu-west-1.amazonaws.com/prod",
            ),
            ("8.8.8.8", "https://8.8.8.8"),
        ] {
            assert_eq!(address(typed), meant);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_an_example() {
        let wrong =
            ["", "/prod", "ftp://example.org", "http://", "http://a/?b=c", "http://u:p@a", "a b"];
        for text in wrong {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.contains("http://127.0.0.1:8080"), "{text}: {error}");
        }
    }

    #[test]
    fn an_address_knows_what_else_was_meant() {
        let gateway = "abc.execute-api.eu-west-1.amazonaws.com";
        assert!(gateway.parse::<Address>().unwrap().lacks_stage());
        assert!(!format!("{gateway}/prod").parse::<Address>().unwrap().lacks_stage());
        let address: Address = "https://127.0.0.1:8080/a".parse().unwrap();
        assert_eq!(address.with_other_scheme(), "http://127.0.0.1:8080/a");
        assert_eq!(address.origin(), "https://127.0.0.1:8080");
        assert!(address.is_local() && address.is_https());
        let is_same = |other: &str| address.is_same_place(&other.parse().unwrap());
        assert!(is_same("https://localhost:8080/a") && is_same("https://127.0.0.1:8080/a"));
        assert!(!is_same("https://localhost:8081/a") && !is_same("https://example.org:8080/a"));
    }

    #[test]
    fn a_port_alone_listens_on_this_machine_only() {
        for text in ["8080", ":8080", "127.0.0.1:8080"] {
            assert_eq!(text.parse::<Listen>().unwrap().0, ([127, 0, 0, 1], 8080).into());
        }
        assert_eq!("0.0.0.0:0".parse::<Listen>().unwrap().0, ([0, 0, 0, 0], 0).into());
        assert_eq!("[::]:80".parse::<Listen>().unwrap().0.port(), 80);
        for text in ["", "127.0.0.1", "99999", ":", "a:b"] {
            assert!(text.parse::<Listen>().unwrap_err().contains("write 8080"), "{text}");
        }
    }
}
