//! What is printed at the start: where to look, and lines to paste.

use std::net::SocketAddr;

use abtest_model::Namespace;

use super::key::Key;
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
        println!("{}", snippet(&url, namespace));
    }
}

/// What a page needs to track with AlephBet.
fn snippet(url: &str, namespace: &Namespace) -> String {
    // In a script in a page `</` would end the script, so it is not written as such.
    let text = |text: &str| serde_json::json!(text).to_string().replace('<', "\\u003c");
    format!(
        r#"<script src="alephbet.min.js"></script>  <!-- npm: alephbet@0.27 -->
<script>
  const experiment = new AlephBet.Experiment({{
    name: "button color",
    tracking_adapter: new AlephBet.GimelAdapter({url}, {namespace}),
    variants: {{
      red: {{ activate: () => {{ document.body.dataset.color = "red" }} }},
      blue: {{ activate: () => {{ document.body.dataset.color = "blue" }} }}
    }}
  }})
  const signup = new AlephBet.Goal("signup")
  experiment.add_goal(signup)  // later, when it is reached: signup.complete()
</script>
"#,
        url = text(&format!("{url}/track")),
        namespace = text(namespace.as_str()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_cannot_break_out_of_the_snippet() {
        let namespace = Namespace::new("\"</script><b>").unwrap();
        let snippet = snippet("http://127.0.0.1:1", &namespace);
        assert!(snippet.contains(r#"("http://127.0.0.1:1/track", "\"\u003c/script>\u003cb>")"#));
    }
}
