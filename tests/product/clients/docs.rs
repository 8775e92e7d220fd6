//! The examples of the pages about clients do what the pages say, as they are printed.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use abtest_tests::binaries::{binary, tests, tool};
use abtest_tests::document::{Example, examples};
use abtest_tests::serve::Serve;
use abtest_tests::shop::{Shop, Visitor};
use serde_json::{Value, json};

use super::steps::Steps;
use super::{built, client, run};

/// A server, and the examples of a page for it.
struct Page {
    serve: Serve,
    examples: Vec<Example>,
    folder: tempfile::TempDir,
}

impl Page {
    fn read(file: &str) -> Self {
        built();
        let serve = Serve::embedded();
        let examples = examples(file, &serve.url);
        Self { serve, examples, folder: tempfile::tempdir().unwrap() }
    }

    /// The text of the example with this number.
    fn text(&self, number: usize, language: &str) -> &str {
        let example = &self.examples[number];
        assert_eq!(example.language, language, "{}", example.text);
        &example.text
    }

    /// Runs the commands of an example, and returns what they printed.
    fn run_shell(&self, number: usize) -> String {
        self.shell(self.text(number, "sh"))
    }

    fn shell(&self, script: &str) -> String {
        let programs = self.folder.path().join("bin");
        if !programs.exists() {
            std::fs::create_dir(&programs).unwrap();
            symlink(binary("abtest"), programs.join("abtest")).unwrap();
        }
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let script = script.replace("curl ", "curl --silent --show-error --fail ");
        run(Command::new("bash")
            .args(["-euc", &script])
            .env("PATH", path)
            .env("ABTEST_API_KEY", &self.serve.key)
            .env("XDG_STATE_HOME", self.serve.state()))
    }

    /// Writes a program into a folder where the packages of the pages are installed.
    fn write_program(&self, number: usize) -> PathBuf {
        let modules = self.folder.path().join("node_modules");
        std::fs::create_dir_all(&modules).unwrap();
        let others = tests().join("clients/node_modules");
        for (name, package) in [
            ("abtest-client", client()),
            ("@openfeature", others.join("@openfeature")),
            ("@growthbook", others.join("@growthbook")),
        ] {
            assert!(package.exists(), "{name} is missing: run tests/install");
            let _ = symlink(package, modules.join(name));
        }
        let program = self.folder.path().join("example.mjs");
        std::fs::write(&program, self.text(number, "js")).unwrap();
        program
    }

    /// Runs a program in Node.
    fn run_node(&self, number: usize) -> String {
        run(Command::new("node").arg(self.write_program(number)))
    }

    /// Bundles a program for a page, as the page's author does.
    fn bundle(&self, number: usize) -> String {
        let esbuild = client().join("node_modules/.bin/esbuild");
        run(Command::new(esbuild).arg(self.write_program(number)).args([
            "--bundle",
            "--format=esm",
            "--log-level=warning",
        ]))
    }

    /// Starts a Python program that lives on after the example, as a server does. It ends with the test.
    fn start_python(&self, number: usize) -> Steps {
        let program = self.folder.path().join("example.py");
        std::fs::write(&program, self.text(number, "python")).unwrap();
        let server = "import json, sys
exec(open(sys.argv[1]).read().replace('print(', 'found = ('))
sys.stdin.readline()
print(json.dumps(found), flush=True)
sys.stdin.readline()";
        Steps::start(Command::new(tool("python")).args(["-c", server]).arg(program))
    }

    /// Waits until so many units are counted, and so many of them reached the goal.
    fn wait(&self, participants: u64, purchases: u64) {
        let start = Instant::now();
        loop {
            let total = |goal| {
                self.serve.count("button", goal, "control")
                    + self.serve.count("button", goal, "green")
            };
            let found = (total("participate"), total("purchase"));
            if found == (participants, purchases) {
                return;
            }
            let expected = (participants, purchases);
            assert!(start.elapsed() < Duration::from_secs(20), "{found:?} instead of {expected:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The share of the participants whose events state their allocation.
    fn stated(&self) -> f64 {
        let report = self.serve.get("/experiments/button").json();
        report["allocations"]["stated"].as_f64().unwrap()
    }
}

/// Buys on a page. A page that waited too long for its config counts nothing, so this loads it again with
/// the stored one.
fn buy(visitor: &Visitor, tab: u64, html: &str) {
    visitor.wait(tab, "localStorage.getItem('abtest:alephbet:config')");
    visitor.load_text(tab, html);
    visitor.wait(tab, "document.getElementById('buy')?.onclick");
    visitor.within(tab, "document.getElementById('buy').click()");
}

#[test]
fn the_page_about_our_client_works() {
    let page = Page::read("docs/clients/javascript.md");
    assert_eq!(page.examples.len(), 3);
    page.run_shell(0);
    let html = page.text(1, "html");
    let snippet = run(Command::new("node")
        .args(["--input-type=module", "--eval"])
        .arg("import { snippet } from 'abtest-client/snippet'; console.log(snippet())")
        .current_dir(client()));
    assert!(html.contains(snippet.trim()), "{snippet}");
    let visitor = Shop::start().visitor(json!({}));
    let tab = visitor.open_text(html);
    buy(&visitor, tab, html);
    visitor.leave(tab);
    page.wait(1, 1);
    assert_eq!(visitor.errors(), json!([]));
    let variant = page.run_node(2);
    assert!(["control\n", "green\n"].contains(&&*variant), "{variant}");
    page.wait(2, 2);
}

#[test]
fn the_example_of_the_readme_works() {
    let page = Page::read("README.md");
    let number =
        |part: &str| page.examples.iter().position(|example| example.text.contains(part)).unwrap();
    let commands = page.text(number("experiments create"), "sh");
    let (start, create) = commands.split_once('\n').unwrap();
    assert!(start.starts_with("abtest serve "), "{start}");
    page.shell(create);
    let script = page.text(number("createClient"), "html");
    assert!(script.contains("http://127.0.0.1:8080"), "{script}");
    let script = script.replace("http://127.0.0.1:8080", &page.serve.url);
    let visitor = Shop::start().visitor(json!({}));
    let html = format!("<!doctype html><body><button id=buy>Buy</button>{script}");
    let tab = visitor.open_text(&html);
    buy(&visitor, tab, &html);
    visitor.leave(tab);
    page.wait(1, 1);
    let decide = page.text(number("abtest results button\n"), "sh");
    // A script confirms a change beforehand.
    let results = page.shell(&decide.replace("experiments stop", "experiments stop --yes"));
    assert!(results.contains("purchase"), "{results}");
    let config = page.serve.request("GET", "/config", &[], &[]).json();
    assert_eq!(config["experiments"][0]["winner"], "green");
}

#[test]
fn the_page_about_http_works() {
    let page = Page::read("docs/clients/http.md");
    assert_eq!(page.examples.len(), 7);
    page.run_shell(0);
    let expected: Value = serde_json::from_str(page.text(2, "json")).unwrap();
    let mut found: Value = serde_json::from_str(&page.run_shell(1)).unwrap();
    // Each namespace has its own salts.
    let variant = found["variant"].take();
    assert!(variant == "control" || variant == "green", "{variant}");
    found["variant"] = "green".into();
    assert_eq!(found, expected);
    page.wait(1, 0);
    // What was remembered is the answer, whatever the weights say.
    let remembered: Value = serde_json::from_str(&page.run_shell(3)).unwrap();
    assert_eq!((&remembered["variant"], &remembered["allocation"]), (&json!("green"), &json!(1)));
    let many: Value = serde_json::from_str(&page.run_shell(4)).unwrap();
    assert_eq!(many["assignments"][0]["counted"], true);
    page.wait(1, 0);
    page.run_shell(5);
    let units = if variant == "green" { 1 } else { 2 };
    page.wait(units, 1);
    page.run_shell(6);
    page.wait(units + 1, 2);
    let counted = page.serve.get("/experiments/button").json();
    assert_eq!(counted["allocations"]["stated"], 1.0, "{counted}");
}

#[test]
fn the_page_about_alephbet_works() {
    let page = Page::read("docs/clients/alephbet.md");
    assert_eq!(page.examples.len(), 1);
    let visitor = Shop::start().visitor(json!({}));
    let tab = visitor.open_text(&format!("<!doctype html><body>{}", page.text(0, "html")));
    visitor.wait(tab, "document.readyState === 'complete'");
    visitor.within(tab, "purchase.complete()");
    page.wait(1, 1);
    assert_eq!(visitor.errors(), json!([]));
}

/// The names of the variants, as programs print them.
const PRINTED: [&str; 2] = ["control\n", "green\n"];

#[test]
fn the_page_about_openfeature_in_node_works() {
    let page = Page::read("docs/clients/openfeature-server.md");
    assert_eq!(page.examples.len(), 2);
    page.run_shell(0);
    let variant = page.run_node(1);
    assert!(PRINTED.contains(&&*variant), "{variant}");
    page.wait(1, 1);
    assert_eq!(page.stated(), 1.0);
}

#[test]
fn the_page_about_openfeature_on_a_page_works() {
    let page = Page::read("docs/clients/openfeature-web.md");
    assert_eq!(page.examples.len(), 2);
    page.run_shell(0);
    let html = format!(
        "<!doctype html><title>Shop</title><body><button id=buy>Buy</button>\
         <script type=module>{}</script>",
        page.bundle(1)
    );
    let visitor = Shop::start().visitor(json!({}));
    let tab = visitor.open_text(&html);
    visitor.wait(tab, "document.getElementById('buy')?.onclick");
    visitor.within(tab, "document.getElementById('buy').click()");
    visitor.leave(tab);
    page.wait(1, 1);
    assert_eq!(page.stated(), 1.0);
    assert_eq!(visitor.errors(), json!([]));
}

#[test]
fn the_page_about_openfeature_in_python_works() {
    let page = Page::read("docs/clients/openfeature-python.md");
    assert_eq!(page.examples.len(), 2);
    page.run_shell(0);
    let variant = page.start_python(1).step("show");
    assert!(variant == "control" || variant == "green", "{variant}");
    page.wait(1, 1);
    assert_eq!(page.stated(), 1.0);
}

#[test]
fn the_page_about_growthbooks_javascript_sdk_works() {
    let page = Page::read("docs/clients/growthbook-js.md");
    assert_eq!(page.examples.len(), 3);
    page.run_shell(0);
    let visitor = Shop::start().visitor(json!({}));
    let tab = visitor.open_text(page.text(1, "html"));
    visitor.wait(tab, "typeof seen === 'object'");
    visitor.within(tab, "document.getElementById('buy').click()");
    visitor.leave(tab);
    page.wait(1, 1);
    assert_eq!(visitor.errors(), json!([]));
    let variant = page.run_node(2);
    assert!(PRINTED.contains(&&*variant), "{variant}");
    page.wait(2, 2);
}

#[test]
fn the_page_about_growthbooks_python_sdk_works() {
    let page = Page::read("docs/clients/growthbook-python.md");
    assert_eq!(page.examples.len(), 2);
    page.run_shell(0);
    let mut python = page.start_python(1);
    let variant = python.step("show");
    assert!(variant == "control" || variant == "green", "{variant}");
    page.wait(1, 1);
}

#[test]
fn the_page_about_privacy_works() {
    let page = Page::read("docs/privacy.md");
    assert_eq!(page.examples.len(), 3);
    super::define(
        &page.serve,
        "button",
        &json!({
            "status": "running", "variants": [{"name": "control"}, {"name": "green"}],
        }),
    );
    // Each example runs when the page is told to go on.
    let [first, second, third] = [0, 1, 2].map(|number| page.text(number, "js"));
    let html = format!(
        "<!doctype html><title>A shop</title><link rel=icon href=data:,><script type=module>
        import {{ createClient }} from './abtest-client.js';
        const step = (name) => new Promise((go) => {{ globalThis[name] = go }});
        {first}
        globalThis.client = client;
        await step('agree');
        {second}
        await step('withdraw');
        {third}
        globalThis.isDone = true;
        </script>"
    );
    let visitor = Shop::start().visitor(json!({}));
    let tab = visitor.open_text(&html);
    let stored = |tab| visitor.within(tab, "localStorage.length + sessionStorage.length").as_u64();
    visitor.wait(tab, "globalThis.agree");
    assert_eq!((visitor.variant(tab, "button"), stored(tab)), (String::new(), Some(0)));
    visitor.within(tab, "agree()");
    visitor.wait(tab, "globalThis.withdraw");
    assert_ne!(visitor.variant(tab, "button"), "");
    visitor.flush(tab);
    page.wait(1, 0);
    let keys = visitor.within(tab, "Object.keys(localStorage).sort().join()");
    let unit = visitor.within(tab, "client.unit");
    let id = visitor.within(
        tab,
        "JSON.parse(localStorage.getItem('abtest:alephbet:config')).published.experiments[0].id",
    );
    let (unit, id) = (unit.as_str().unwrap(), id.as_str().unwrap());
    let documented =
        format!("abtest:alephbet:config,abtest:alephbet:seen:{id}:{unit},abtest:alephbet:unit");
    assert_eq!(keys, documented);
    visitor.within(tab, "withdraw()");
    visitor.wait(tab, "globalThis.isDone");
    assert_eq!(stored(tab), Some(0));
    assert_eq!(visitor.errors(), json!([]));
}

#[test]
fn every_page_about_a_client_has_a_test() {
    let tested = [
        "alephbet",
        "growthbook-js",
        "growthbook-python",
        "http",
        "javascript",
        "openfeature-python",
        "openfeature-server",
        "openfeature-web",
    ];
    let folder = abtest_tests::binaries::tests().with_file_name("docs/clients");
    let mut pages: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            Path::new(&path).file_stem().unwrap().to_string_lossy().into_owned()
        })
        .collect();
    pages.sort();
    assert_eq!(pages, tested);
}
