//! The snippet hides a page until its variant is applied, and no longer than it says.

use abtest_tests::serve::Serve;
use abtest_tests::shop::{Shop, Visitor};
use serde_json::json;

use super::{built, client, define, run};

const CONTROL: &str = "0,0,255";
const VARIANT: &str = "0,255,0";

/// A page that is the color of its variant, with the snippet of this limit.
fn page(serve: &Serve, limit: u32) -> String {
    let print = format!(
        "import {{ snippet }} from './src/snippet.js'; process.stdout.write(snippet({limit}))"
    );
    let snippet = run(std::process::Command::new("node")
        .args(["--input-type=module", "--eval", &print])
        .current_dir(client()));
    format!(
        r#"<!doctype html>
<title>A shop</title>
{snippet}
<link rel="icon" href="data:,">
<style>body {{ background: rgb({CONTROL}) }} body.green {{ background: rgb({VARIANT}) }}</style>
<body>
<script type="module">
  import {{ createClient }} from "/abtest-client.js"
  const client = globalThis.client = createClient({{ url: "{url}" }})
  await client.ready
  if (client.variant("button") === "green") document.body.classList.add("green")
  client.show()
  globalThis.isReady = true
</script>"#,
        url = serve.url,
    )
}

/// Waits until a frame with this color was painted, and returns all colors until then.
fn film_until(visitor: &Visitor, color: &str) -> Vec<String> {
    let start = std::time::Instant::now();
    loop {
        let painted = visitor.painted();
        if painted.iter().any(|one| one == color) {
            return painted;
        }
        assert!(start.elapsed().as_secs() < 20, "{color} is never painted: {painted:?}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn start() -> (Serve, Visitor) {
    built();
    let serve = Serve::embedded();
    // Everybody gets the variant.
    let definition = json!({
        "status": "running", "variants": [{"name": "blue"}, {"name": "green"}],
        "weights": {"blue": 0, "green": 100},
    });
    define(&serve, "button", &definition);
    let visitor = Shop::start().visitor(json!({}));
    (serve, visitor)
}

#[test]
fn the_control_is_never_painted_before_the_variant() {
    let (serve, visitor) = start();
    let tab = visitor.open_text("<!doctype html><body style='background: white'>");
    visitor.film(tab);
    visitor.hold("/config");
    // The limit is far away, so only the variant ends the hiding.
    visitor.load_text(tab, &page(&serve, 600_000));
    visitor.wait(tab, "globalThis.client");
    visitor.release();
    let first = film_until(&visitor, VARIANT);
    assert!(!first.iter().any(|color| color == CONTROL), "{first:?}");
    // A second visit has a stored config.
    visitor.film(tab);
    visitor.load_text(tab, &page(&serve, 600_000));
    visitor.wait(tab, "globalThis.isReady");
    let second = film_until(&visitor, VARIANT);
    assert!(!second.iter().any(|color| color == CONTROL), "{second:?}");
}

#[test]
fn a_page_is_hidden_no_longer_than_the_snippet_says_and_then_keeps_the_fallback() {
    let (serve, visitor) = start();
    let tab = visitor.open_text("<!doctype html><body style='background: white'>");
    visitor.film(tab);
    visitor.hold("/config");
    visitor.load_text(tab, &page(&serve, 300));
    // The config is still on its way, so only the limit can have ended the hiding.
    film_until(&visitor, CONTROL);
    visitor.wait(tab, "globalThis.isReady");
    visitor.release();
    visitor.wait(tab, "localStorage.getItem('abtest:alephbet:config')");
    assert_eq!(visitor.variant(tab, "button"), "");
    let painted = visitor.painted();
    assert!(!painted.iter().any(|color| color == VARIANT), "{painted:?}");
    // The next page has the config at once.
    visitor.load_text(tab, &page(&serve, 300));
    visitor.wait(tab, "globalThis.isReady");
    assert_eq!(visitor.variant(tab, "button"), "green");
}
