//! What a page needs to track with AlephBet.

use abtest_model::Namespace;

/// The snippet for a page that tracks at `track_url`.
pub(crate) fn snippet(track_url: &str, namespace: &Namespace) -> String {
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
        url = text(track_url),
        namespace = text(namespace.as_str()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_cannot_break_out_of_the_snippet() {
        let namespace = Namespace::new("\"</script><b>").unwrap();
        let snippet = snippet("http://127.0.0.1:1/track", &namespace);
        assert!(snippet.contains(r#"("http://127.0.0.1:1/track", "\"\u003c/script>\u003cb>")"#));
    }
}
