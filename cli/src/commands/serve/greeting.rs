//! What `serve` prints at the start: where it is, its key, and what to run next.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use abtest_config::PublicUrl;
use abtest_model::Namespace;
use serde::Serialize;

use super::key::{Key, Origin};
use crate::terminal::{bold, dim, is_quiet};

/// The facts about a server that has started.
pub(super) struct Greeting<'a> {
    pub(super) address: SocketAddr,
    /// Where browsers reach it, if a proxy is in front of it.
    pub(super) public_url: Option<&'a PublicUrl>,
    pub(super) store: &'a str,
    pub(super) key: &'a Key,
    pub(super) token: &'a str,
    pub(super) namespace: &'a Namespace,
    pub(super) is_demo: bool,
    /// Where Prometheus reads without a key.
    pub(super) metrics: Option<SocketAddr>,
}

/// The greeting for a script.
#[derive(Serialize)]
struct JsonGreeting<'a> {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_url: Option<&'a str>,
    page: String,
    store: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<String>,
    namespace: &'a str,
}

impl Greeting<'_> {
    pub(super) fn print(&self) {
        let Self { address, store, key, token, metrics, .. } = self;
        let url = local_url(*address);
        println!("{} {}", bold("abtest"), env!("CARGO_PKG_VERSION"));
        println!("listening on {url}");
        if let Some(network) = network_url(*address) {
            println!("network  {network}  {}", dim("(from other machines)"));
        }
        if let Some(url) = self.public_url {
            println!("public   {}", url.as_str());
        }
        let link = self.for_browsers();
        let note = dim("(this link works once; later, log in with the API key)");
        println!("page     {link}/?token={token}  {note}");
        if self.is_demo {
            println!("shop     {link}/demo  {}", dim("(play a visitor, and see yourself counted)"));
        }
        match &key.origin {
            Origin::Created(file) => {
                let note = format!("(new; saved in {})", file.display());
                println!("api key  {}  {}", key.key.expose(), dim(&note));
            }
            Origin::File(file) => println!("api key  in {}", file.display()),
            Origin::Environment => println!("api key  in ABTEST_API_KEY"),
        }
        println!("store    {store}");
        if let Some(metrics) = metrics {
            println!("metrics  {}/metrics", local_url(*metrics));
        }
        if !is_quiet() {
            self.print_next_steps(&link);
        }
    }

    /// The address for the operator's browser and for pages.
    fn for_browsers(&self) -> String {
        self.public_url.map_or_else(|| local_url(self.address), |url| url.as_str().to_owned())
    }

    /// Commands to paste into another terminal.
    fn print_next_steps(&self, url: &str) {
        let namespace = match self.namespace.as_str() {
            Namespace::DEFAULT => String::new(),
            name => format!(" --namespace '{}'", name.replace('\'', r"'\''")),
        };
        println!();
        println!("{}", dim("In another terminal:"));
        println!("  abtest results{namespace}  {}", dim("shows which variant is better"));
        if !self.is_demo {
            let note = dim("prints what your page needs to track");
            println!("  abtest snippet --url {url}{namespace}  {note}");
        }
    }

    /// Prints one line of JSON. The key itself is in its file.
    pub(super) fn print_json(&self) {
        let url = local_url(self.address);
        let greeting = JsonGreeting {
            page: format!("{}/?token={}", self.for_browsers(), self.token),
            public_url: self.public_url.map(PublicUrl::as_str),
            store: self.store,
            api_key_file: self.key.file().map(|file| file.display().to_string()),
            metrics: self.metrics.map(|address| format!("{}/metrics", local_url(address))),
            namespace: self.namespace.as_str(),
            url,
        };
        println!("{}", serde_json::json!(greeting));
    }
}

/// An address that works in a browser on this machine. 0.0.0.0 and :: stand for all addresses, and
/// a browser cannot open them.
pub(super) fn local_url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

/// The address for other machines, if the server listens on all addresses.
fn network_url(address: SocketAddr) -> Option<String> {
    if !address.ip().is_unspecified() {
        return None;
    }
    // Connecting a UDP socket sends nothing: it only asks the system for the route. The target is
    // an address of documentation (RFC 5737).
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    Some(format!("http://{}", SocketAddr::new(ip, address.port())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_address_works_in_a_browser() {
        for (listen, url) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("[::]:8080", "http://[::1]:8080"),
            ("192.168.1.7:80", "http://192.168.1.7:80"),
        ] {
            assert_eq!(local_url(listen.parse().unwrap()), url);
        }
        assert!(network_url("127.0.0.1:8080".parse().unwrap()).is_none());
    }
}
