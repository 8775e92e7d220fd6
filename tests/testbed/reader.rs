//! Somebody who reads the dashboard: a browser profile of their own, with eyes and hands.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use serde_json::{Value, json};

use crate::browser::Browser;

/// A browser that several readers share.
#[derive(Clone)]
pub struct Screen(Rc<RefCell<Browser>>);

/// A reader before a page.
pub struct Reader {
    screen: Screen,
    number: Value,
}

impl Screen {
    /// Starts a browser.
    pub fn start() -> Self {
        Self(Rc::new(RefCell::new(Browser::start())))
    }

    /// Opens a page on a laptop's screen.
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

    /// Waits until something that matches is seen.
    pub fn see(&self, selector: &str) {
        self.run("see", json!({"selector": selector}));
    }

    /// Waits until something that matches has a text.
    pub fn see_text(&self, selector: &str, text: &str) {
        self.run("see", json!({"selector": selector, "text": text}));
    }

    /// Waits until nothing that matches is seen.
    pub fn miss(&self, selector: &str) {
        self.run("miss", json!({"selector": selector}));
    }

    /// Clicks on the first that matches.
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

    /// Presses keys, one after another.
    pub fn press(&self, keys: &[&str]) {
        self.run("press", json!({"keys": keys}));
    }

    /// Types where the focus is.
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

    /// The texts of all that match.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let texts = self.run("texts", json!({"selector": selector}));
        serde_json::from_value(texts).unwrap()
    }

    /// An attribute of all that match.
    pub fn attributes(&self, selector: &str, name: &str) -> Vec<Option<String>> {
        let values = self.run("attributes", json!({"selector": selector, "name": name}));
        serde_json::from_value(values).unwrap()
    }

    /// What an expression is in the page.
    pub fn ask(&self, expression: &str) -> Value {
        self.run("ask", json!({"expression": expression}))
    }

    /// The address.
    pub fn url(&self) -> String {
        self.run("url", json!({})).as_str().unwrap().to_owned()
    }

    /// What was copied last.
    pub fn clipboard(&self) -> String {
        self.run("clipboard", json!({})).as_str().unwrap().to_owned()
    }

    /// Takes a picture of the whole page, for people, into `target/dashboard`.
    pub fn picture(&self, name: &str) {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
        let folder = crate::binaries::tests().parent().unwrap().join(target).join("dashboard");
        std::fs::create_dir_all(&folder).unwrap();
        self.run("picture", json!({"path": folder.join(format!("{name}.png"))}));
    }

    /// What axe-core finds.
    pub fn violations(&self) -> Vec<String> {
        serde_json::from_value(self.run("violations", json!({}))).unwrap()
    }

    /// By how many pixels the page is wider than its screen.
    pub fn overflow(&self) -> i64 {
        self.run("overflow", json!({})).as_i64().unwrap()
    }

    /// Errors and warnings of the page since the last time.
    pub fn complaints(&self) -> Vec<String> {
        serde_json::from_value(self.run("complaints", json!({}))).unwrap()
    }

    /// Every request that the page made, with its headers.
    pub fn requests(&self) -> Vec<Value> {
        serde_json::from_value(self.run("requests", json!({}))).unwrap()
    }

    /// The cookies.
    pub fn cookies(&self) -> Vec<Value> {
        serde_json::from_value(self.run("cookies", json!({}))).unwrap()
    }

    /// Everything that the page could keep, and all of its markup.
    pub fn kept(&self) -> String {
        self.run("kept", json!({})).as_str().unwrap().to_owned()
    }

    /// Milliseconds of script since the page was opened, and the bytes of its files.
    pub fn cost(&self) -> (f64, u64) {
        let cost = self.run("cost", json!({}));
        (cost["script"].as_f64().unwrap(), cost["bytes"].as_u64().unwrap())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.run("close", json!({}));
        }
    }
}
