//! What is printed at the start: where to look, and lines to paste.

use std::net::SocketAddr;

use abtest_model::Namespace;

use super::key::Key;
use crate::snippet::snippet;
use crate::terminal::{bold, dim};

/// What there is to say.
pub(super) struct Greeting<'a> {
    pub(super) address: SocketAddr,
    pub(super) store: &'static str,
    pub(super) key: &'a Key,
    pub(super) token: &'a str,
    pub(super) namespace: &'a Namespace,
}

impl Greeting<'_> {
    pub(super) fn print(&self) {
        let Self { address, store, key, token, namespace } = self;
        let url = format!("http://{address}");
        let secret = key.secret.expose();
        let query: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("namespace", namespace.as_str())
            .finish();
        println!("{} {}", bold("abtest"), env!("CARGO_PKG_VERSION"));
        println!("listening on {url}");
        println!("api key  {secret}  {}", dim(&format!("({})", key.source)));
        println!("store    {store}");
        println!(
            "page     {url}/?token={token}  {}",
            dim("(opens once; then it asks for the key)")
        );
        println!();
        println!("{}", dim("# track an event"));
        println!(
            "curl '{url}/track?{query}&experiment=button+color&variant=red&event=participate&uuid=1'"
        );
        println!("{}", dim("# read the results"));
        println!("curl -H 'x-api-key: {secret}' '{url}/experiments?{query}'");
        println!();
        println!("{}", snippet(&format!("{url}/track"), namespace));
    }
}
