//! A reader of the dashboard, with a browser profile of their own.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use serde_json::{Value, json};

use crate::browser::Browser;

/// A browser that readers share.
#[derive(Clone)]
pub struct Screen(Rc<RefCell<Browser>>);

/// A reader of a page.
pub struct Reader {
    screen: Screen,
    number: Value,
}

impl Screen {
    /// Starts a browser.
    pub fn start() -> Self {
        Self(Rc::new(RefCell::new(Browser::start())))
    }

    /// Opens a page on a screen of 1024 by 900 pixels.
    pub fn read(&self, url: &str) -> Reader {
        self.read_with(url, json!({}))
    }

    /// Opens a page on a screen with a `width`, a `height`, and a `scheme` (light or dark).
    pub fn read_with(&self, url: &str, mut how: Value) -> Reader {
        how["do"] = "read".into();
        how["url"] = url.into();
        let number = self.0.borrow_mut().run(&how);
        Reader { screen: self.clone(), number }
    }
}

impl Reader {
    fn run(&self, what: &str, mut parameters: Value) -> Value {
        parameters["do"] = what.into();
        parameters["reader"] = self.number.clone();
        self.screen.0.borrow_mut().run(&parameters)
    }

    /// Waits until an element that matches is visible.
    pub fn see(&self, selector: &str) {
        self.run("see", json!({"selector": selector}));
    }

    /// Waits until an element that matches has a text.
    pub fn see_text(&self, selector: &str, text: &str) {
        self.run("see", json!({"selector": selector, "text": text}));
    }

    /// Waits until no element that matches is visible.
    pub fn miss(&self, selector: &str) {
        self.run("miss", json!({"selector": selector}));
    }

    /// Clicks on the first element that matches.
    pub fn click(&self, selector: &str) {
        self.run("click", json!({"selector": selector}));
    }

    /// Types into the first field that matches.
    pub fn fill(&self, selector: &str, text: &str) {
        self.run("fill", json!({"selector": selector, "text": text}));
    }

    /// Chooses from the first list that matches.
    pub fn choose(&self, selector: &str, value: &str) {
        self.run("choose", json!({"selector": selector, "value": value}));
    }

    /// Presses keys in turn.
    pub fn press(&self, keys: &[&str]) {
        self.run("press", json!({"keys": keys}));
    }

    /// Types into the focused element.
    pub fn type_text(&self, text: &str) {
        self.run("type", json!({"text": text}));
    }

    /// Goes to another view of the same page.
    pub fn go(&self, hash: &str) {
        self.run("go", json!({"hash": hash}));
    }

    /// Loads the page again.
    pub fn reload(&self) {
        self.run("reload", json!({}));
    }

    /// The texts of all elements that match.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let texts = self.run("texts", json!({"selector": selector}));
        serde_json::from_value(texts).unwrap()
    }

    /// An attribute of all elements that match.
    pub fn attributes(&self, selector: &str, name: &str) -> Vec<Option<String>> {
        let values = self.run("attributes", json!({"selector": selector, "name": name}));
        serde_json::from_value(values).unwrap()
    }

    /// The value of a JavaScript expression in the page.
    pub fn ask(&self, expression: &str) -> Value {
        self.run("ask", json!({"expression": expression}))
    }

    /// The address.
    pub fn url(&self) -> String {
        self.run("url", json!({})).as_str().unwrap().to_owned()
    }

    /// The text on the clipboard.
    pub fn clipboard(&self) -> String {
        self.run("clipboard", json!({})).as_str().unwrap().to_owned()
    }

    /// Saves a picture of the whole page in `target/dashboard`.
    pub fn picture(&self, name: &str) {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
        let folder = crate::binaries::tests().parent().unwrap().join(target).join("dashboard");
        std::fs::create_dir_all(&folder).unwrap();
        self.run("picture", json!({"path": folder.join(format!("{name}.png"))}));
    }

    /// The violations that axe-core finds.
    pub fn violations(&self) -> Vec<String> {
        serde_json::from_value(self.run("violations", json!({}))).unwrap()
    }

    /// How many pixels the page is wider than the screen.
    pub fn overflow(&self) -> i64 {
        self.run("overflow", json!({})).as_i64().unwrap()
    }

    /// Errors and warnings of the page since the last call.
    pub fn complaints(&self) -> Vec<String> {
        serde_json::from_value(self.run("complaints", json!({}))).unwrap()
    }

    /// All requests of the page, with their headers.
    pub fn requests(&self) -> Vec<Value> {
        serde_json::from_value(self.run("requests", json!({}))).unwrap()
    }

    /// The cookies.
    pub fn cookies(&self) -> Vec<Value> {
        serde_json::from_value(self.run("cookies", json!({}))).unwrap()
    }

    /// Everything in the browser's storage, and the page's HTML.
    pub fn kept(&self) -> String {
        self.run("kept", json!({})).as_str().unwrap().to_owned()
    }

    /// The size of the files that the page loaded, in bytes.
    pub fn weight(&self) -> u64 {
        self.run("cost", json!({}))["bytes"].as_u64().unwrap()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.run("close", json!({}));
        }
    }
}
