//! Visitors of a shop that uses our JavaScript client, each with a browser profile of their own.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::serve::encode;

const WAITING: &str = "Object.keys(localStorage).filter((key) => key.includes(':event:')).length";

/// A browser that visitors share.
#[derive(Clone)]
pub struct Shop(Rc<RefCell<Browser>>);

/// A visitor. The tabs have numbers, from 0.
pub struct Visitor {
    shop: Shop,
    number: Value,
    /// The options of `createClient`.
    pub options: Value,
}

impl Shop {
    /// Starts a browser.
    pub fn start() -> Self {
        Self(Rc::new(RefCell::new(Browser::start())))
    }

    /// A person whose pages create their client with these options.
    pub fn visitor(&self, options: Value) -> Visitor {
        self.visitor_with(options, &json!({"do": "person"}))
    }

    /// A program, as its user agent says.
    pub fn bot(&self, options: Value) -> Visitor {
        self.visitor_with(options, &json!({"do": "person", "agent": null}))
    }

    fn visitor_with(&self, options: Value, command: &Value) -> Visitor {
        let number = self.0.borrow_mut().run(command);
        Visitor { shop: self.clone(), number, options }
    }
}

impl Visitor {
    fn run(&self, what: &str, mut parameters: Value) -> Value {
        parameters["do"] = what.into();
        parameters["visitor"] = self.number.clone();
        self.shop.0.borrow_mut().run(&parameters)
    }

    fn path(&self, page: &str) -> String {
        let options = encode(&self.options.to_string()).replace('+', "%20");
        let separator = if page.contains('?') { '&' } else { '?' };
        format!("{page}{separator}options={options}")
    }

    /// Opens a page such as `/shop` in a new tab, and waits until its client is ready.
    pub fn open(&self, page: &str) -> u64 {
        let tab = self.open_early(page);
        self.wait(tab, "globalThis.isReady");
        tab
    }

    /// Opens a page in a new tab, and does not wait for its client.
    pub fn open_early(&self, page: &str) -> u64 {
        self.run("tab", json!({"path": self.path(page)})).as_u64().unwrap()
    }

    /// Opens an address of another site in a new tab.
    pub fn open_address(&self, address: &str) -> u64 {
        self.run("tab", json!({"path": address})).as_u64().unwrap()
    }

    /// Opens a page with this text in a new tab.
    pub fn open_text(&self, html: &str) -> u64 {
        self.run("tab", json!({"path": "/pasted", "html": html})).as_u64().unwrap()
    }

    /// Goes to a page in the same tab, and waits until its client is ready.
    pub fn load(&self, tab: u64, page: &str) {
        self.run("load", json!({"tab": tab, "path": self.path(page)}));
        self.wait(tab, "globalThis.isReady");
    }

    /// Goes to a page that has no client.
    pub fn leave(&self, tab: u64) {
        self.run("load", json!({"tab": tab, "path": "/away"}));
    }

    /// Closes a tab.
    pub fn close(&self, tab: u64) {
        self.run("shut", json!({"tab": tab}));
    }

    /// Evaluates an expression in a page. A promise is awaited.
    pub fn within(&self, tab: u64, expression: &str) -> Value {
        self.run("within", json!({"tab": tab, "expression": expression}))
    }

    /// Waits until an expression is true in a page.
    pub fn wait(&self, tab: u64, expression: &str) {
        let start = Instant::now();
        while self.within(tab, &format!("Boolean({expression})")) != true {
            assert!(start.elapsed() < Duration::from_secs(20), "never true: {expression}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The variant that a page's client gives.
    pub fn variant(&self, tab: u64, experiment: &str) -> String {
        let variant = self.within(tab, &format!("client.variant({})", json!(experiment)));
        variant.as_str().unwrap_or_default().to_owned()
    }

    /// The reason of the client's answer.
    pub fn reason(&self, tab: u64, experiment: &str) -> String {
        let reason = self.within(tab, &format!("client.answer({}).reason", json!(experiment)));
        reason.as_str().unwrap().to_owned()
    }

    /// The unit reaches a goal.
    pub fn goal(&self, tab: u64, goal: &str) {
        self.within(tab, &format!("client.goal({})", json!(goal)));
    }

    /// Sends what waits.
    pub fn flush(&self, tab: u64) {
        self.within(tab, "client.flush()");
    }

    /// How many events wait in the browser's storage.
    pub fn waiting(&self, tab: u64) -> u64 {
        self.within(tab, WAITING).as_u64().unwrap()
    }

    /// Waits until no event waits in the browser's storage, as this tab sees it.
    pub fn until_nothing_waits(&self, tab: u64) {
        self.wait(tab, &format!("{WAITING} === 0"));
    }

    /// The errors of the visitor's pages since the last call.
    pub fn errors(&self) -> Value {
        self.run("errors", json!({}))
    }

    /// Sets the visitor's clock to a time this many days from now.
    pub fn set_clock(&self, days: i64) {
        self.run("clock", json!({"days": days}));
    }

    /// Empties the browser's cache, as if what it holds were too old.
    pub fn empty_cache(&self, tab: u64) {
        self.run("uncache", json!({"tab": tab}));
    }

    /// Holds requests whose address contains `part`, until [`Self::release`].
    pub fn hold(&self, part: &str) {
        self.run("hold", json!({"part": part}));
    }

    /// Lets held requests go on.
    pub fn release(&self) {
        self.run("release", json!({}));
    }

    /// Films a tab from now on. A film that runs begins anew.
    pub fn film(&self, tab: u64) {
        self.run("film", json!({"tab": tab}));
    }

    /// Goes to a page in the same tab, and does not wait for its client.
    pub fn load_text(&self, tab: u64, html: &str) {
        self.run("load", json!({"tab": tab, "path": "/pasted", "html": html}));
    }

    /// The colors that were painted, as `red,green,blue`, without repetitions.
    pub fn painted(&self) -> Vec<String> {
        serde_json::from_value(self.run("frames", json!({}))).unwrap()
    }
}
