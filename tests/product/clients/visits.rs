//! Our client in Chromium on pages of another origin: what visitors see, and that every exposure
//! and every goal is counted once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use abtest_tests::serve::Serve;
use abtest_tests::shop::{Shop, Visitor};
use serde_json::{Value, json};

use super::{built, define, patch};

const EXPERIMENT: &str = "half price: now & here";
const GOAL: &str = "click + más";
const BLUE: &str = "red & blue";
const GREEN: &str = "grün 🟢";

fn definition() -> Value {
    json!({
        "status": "running", "variants": [{"name": BLUE}, {"name": GREEN}],
        "goals": [{"name": GOAL, "role": "primary"}],
    })
}

fn start() -> (Serve, Shop) {
    built();
    let serve = Serve::embedded();
    define(&serve, EXPERIMENT, &definition());
    (serve, Shop::start())
}

fn options(serve: &Serve) -> Value {
    json!({"url": serve.url, "timeout": 20_000})
}

/// What should be counted, by variant and goal.
#[derive(Default)]
struct Expected(BTreeMap<(String, &'static str), u64>);

impl Expected {
    fn add(&mut self, variant: &str, goal: &'static str) {
        *self.0.entry((variant.to_owned(), goal)).or_default() += 1;
    }

    fn check(&self, serve: &Serve) {
        for variant in [BLUE, GREEN] {
            for goal in ["participate", GOAL] {
                let expected = self.0.get(&(variant.to_owned(), goal)).copied().unwrap_or(0);
                assert_eq!(serve.count(EXPERIMENT, goal, variant), expected, "{goal} of {variant}");
            }
        }
    }

    /// Waits until everything is counted, and checks that it is not counted twice.
    fn wait(&self, serve: &Serve) {
        let total =
            |goal| serve.count(EXPERIMENT, goal, BLUE) + serve.count(EXPERIMENT, goal, GREEN);
        let expected: u64 = self.0.values().sum();
        let start = Instant::now();
        while total("participate") + total(GOAL) < expected {
            assert!(start.elapsed() < Duration::from_secs(20), "not everything is counted");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.check(serve);
    }
}

fn no_errors(visitor: &Visitor) {
    assert_eq!(visitor.errors(), json!([]));
}

#[test]
fn visitors_are_counted_once_while_the_server_goes_and_comes_back() {
    let (mut serve, shop) = start();
    let mut expected = Expected::default();
    let mut visitors = Vec::new();
    for _ in 0..8 {
        let visitor = shop.visitor(options(&serve));
        let tab = visitor.open("/shop");
        let variant = visitor.variant(tab, EXPERIMENT);
        assert_eq!(visitor.reason(tab, EXPERIMENT), "split");
        expected.add(&variant, "participate");
        visitor.flush(tab);
        visitors.push((visitor, tab, variant));
    }
    expected.check(&serve);

    // Without the server, a second visit uses the stored config, and goals wait.
    serve.kill();
    for (number, (visitor, tab, variant)) in visitors.iter().enumerate() {
        visitor.load(*tab, "/shop");
        assert_eq!(visitor.variant(*tab, EXPERIMENT), *variant);
        if number % 2 == 0 {
            visitor.goal(*tab, GOAL);
            visitor.goal(*tab, GOAL);
            expected.add(variant, GOAL);
            visitor.flush(*tab);
            assert_eq!(visitor.waiting(*tab), 1);
        }
    }
    serve.restart();
    for (number, (visitor, tab, _)) in visitors.iter().enumerate() {
        // Some come back to the page, and others stay on it.
        if number % 4 == 0 {
            visitor.load(*tab, "/shop");
        }
        visitor.flush(*tab);
        assert_eq!(visitor.waiting(*tab), 0);
    }
    expected.check(&serve);
    // An experiment that does not declare a goal does not get it.
    let (visitor, tab, variant) = &visitors[0];
    visitor.goal(*tab, "another page's goal");
    visitor.flush(*tab);
    assert_eq!(serve.count(EXPERIMENT, "another page's goal", variant), 0);

    // What is sent again is not counted again.
    for (visitor, tab, variant) in &visitors {
        visitor.load(*tab, "/shop");
        assert_eq!(visitor.variant(*tab, EXPERIMENT), *variant);
        visitor.goal(*tab, GOAL);
        visitor.flush(*tab);
        no_errors(visitor);
    }
    for (number, (.., variant)) in visitors.iter().enumerate() {
        if number % 2 == 1 {
            expected.add(variant, GOAL);
        }
    }
    expected.check(&serve);
}

#[test]
fn a_change_moves_nobody_who_was_counted_and_a_winner_is_for_everyone() {
    let (serve, shop) = start();
    let mut expected = Expected::default();
    let visitors: Vec<_> = (0..6)
        .map(|_| {
            let visitor = shop.visitor(options(&serve));
            let tab = visitor.open("/shop");
            let variant = visitor.variant(tab, EXPERIMENT);
            expected.add(&variant, "participate");
            (visitor, tab, variant)
        })
        .collect();
    let version = |visitor: &Visitor, tab| {
        let stored = "JSON.parse(localStorage.getItem('abtest:alephbet:config')).published.version";
        visitor.within(tab, stored)
    };
    // A page shows what the stored config says, and reads the new one for the next page.
    let read_again = |serve: &Serve| {
        let config = serve.request("GET", "/config", &[], &[]).json();
        for (visitor, tab, _) in &visitors {
            visitor.empty_cache(*tab);
            visitor.load(*tab, "/shop");
            let start = Instant::now();
            while version(visitor, *tab) != config["version"] {
                assert!(start.elapsed() < Duration::from_secs(20), "the config is not read again");
                std::thread::sleep(Duration::from_millis(20));
            }
            visitor.load(*tab, "/shop");
        }
    };
    patch(&serve, EXPERIMENT, &json!({"weights": {BLUE: 1, GREEN: 99}}));
    read_again(&serve);
    for (visitor, tab, variant) in &visitors {
        assert_eq!(visitor.variant(*tab, EXPERIMENT), *variant);
        assert_eq!(
            visitor.within(*tab, &format!("client.answer({}).allocation", json!(EXPERIMENT))),
            1
        );
        visitor.flush(*tab);
    }
    expected.check(&serve);
    patch(&serve, EXPERIMENT, &json!({"status": "completed", "winner": GREEN}));
    read_again(&serve);
    for (visitor, tab, _) in &visitors {
        assert_eq!(visitor.variant(*tab, EXPERIMENT), GREEN);
        assert_eq!(visitor.reason(*tab, EXPERIMENT), "winner");
        visitor.flush(*tab);
        no_errors(visitor);
    }
    expected.check(&serve);
}

#[test]
fn a_page_with_a_stream_hears_of_a_pause_at_once() {
    let (serve, shop) = start();
    let mut options = options(&serve);
    options["stream"] = true.into();
    let visitor = shop.visitor(options);
    let tab = visitor.open("/shop");
    let variant = visitor.variant(tab, EXPERIMENT);
    patch(&serve, EXPERIMENT, &json!({"status": "paused"}));
    // This waits for 20 s. Without a stream, a page asks every 45 s.
    let other = format!("client.forUnit('another').answer({}).reason", json!(EXPERIMENT));
    visitor.wait(tab, &format!("{other} === 'disabled'"));
    assert_eq!(visitor.variant(tab, EXPERIMENT), variant, "the page view keeps its variant");
    no_errors(&visitor);
}

#[test]
fn a_page_that_is_closed_or_left_at_once_still_sends() {
    let (serve, shop) = start();
    let mut expected = Expected::default();
    for closes in [true, false] {
        let visitor = shop.visitor(options(&serve));
        let tab = visitor.open("/shop");
        let variant = visitor.variant(tab, EXPERIMENT);
        visitor.goal(tab, GOAL);
        expected.add(&variant, "participate");
        expected.add(&variant, GOAL);
        if closes {
            visitor.close(tab);
        } else {
            visitor.leave(tab);
        }
        expected.wait(&serve);
        // The next page sends again what had no answer. It counts once.
        let tab = visitor.open("/shop");
        visitor.flush(tab);
        assert_eq!(visitor.waiting(tab), 0);
        expected.check(&serve);
        no_errors(&visitor);
    }
}

#[test]
fn two_tabs_share_the_unit_and_count_once() {
    let (serve, shop) = start();
    let mut expected = Expected::default();
    for _ in 0..3 {
        let visitor = shop.visitor(options(&serve));
        // Both open before either has an answer.
        visitor.hold("/config");
        let tabs = [visitor.open_early("/shop"), visitor.open_early("/shop")];
        visitor.release();
        for tab in tabs {
            visitor.wait(tab, "globalThis.isReady");
        }
        let variants = tabs.map(|tab| visitor.variant(tab, EXPERIMENT));
        assert_eq!(variants[0], variants[1]);
        assert_eq!(visitor.reason(tabs[1], EXPERIMENT), "split");
        assert_eq!(visitor.within(tabs[0], "client.unit"), visitor.within(tabs[1], "client.unit"));
        for tab in tabs {
            visitor.goal(tab, GOAL);
        }
        expected.add(&variants[0], "participate");
        expected.add(&variants[0], GOAL);
        visitor.flush(tabs[0]);
        // One tab sends for both. Browsers tell the other tab a little later.
        visitor.until_nothing_waits(tabs[1]);
        visitor.flush(tabs[1]);
        expected.check(&serve);
        no_errors(&visitor);
    }
}

#[test]
fn a_page_that_may_store_nothing_counts_what_it_shows() {
    let (serve, shop) = start();
    let visitor = shop.visitor(options(&serve));
    let mut expected = Expected::default();
    for _ in 0..2 {
        let tab = visitor.open("/sandbox");
        let forbidden = "(() => { try { localStorage; return false } catch { return true } })()";
        assert_eq!(visitor.within(tab, forbidden), true);
        let variant = visitor.variant(tab, EXPERIMENT);
        visitor.goal(tab, GOAL);
        visitor.goal(tab, GOAL);
        visitor.flush(tab);
        expected.add(&variant, "participate");
        expected.add(&variant, GOAL);
        expected.check(&serve);
    }
    no_errors(&visitor);
}

#[test]
fn a_wrong_clock_loses_no_event() {
    let (mut serve, shop) = start();
    let mut expected = Expected::default();
    for days in [-4_000, 4_000] {
        let visitor = shop.visitor(options(&serve));
        let tab = visitor.open("/shop");
        let variant = visitor.variant(tab, EXPERIMENT);
        expected.add(&variant, "participate");
        visitor.flush(tab);
        visitor.set_clock(days);
        visitor.load(tab, "/shop");
        assert_eq!(visitor.variant(tab, EXPERIMENT), variant);
        serve.kill();
        visitor.goal(tab, GOAL);
        visitor.flush(tab);
        // The clock is set right while the event waits.
        visitor.set_clock(0);
        serve.restart();
        visitor.load(tab, "/shop");
        visitor.flush(tab);
        expected.add(&variant, GOAL);
        assert_eq!(visitor.waiting(tab), 0);
        expected.check(&serve);
        no_errors(&visitor);
    }
}

#[test]
fn bots_and_forced_variants_are_not_counted() {
    let (serve, shop) = start();
    let bot = shop.bot(options(&serve));
    let tab = bot.open("/shop");
    assert_eq!((&*bot.variant(tab, EXPERIMENT), &*bot.reason(tab, EXPERIMENT)), (BLUE, "bot"));
    bot.goal(tab, GOAL);
    bot.flush(tab);

    let tester = shop.visitor(options(&serve));
    let tab = tester.open("/shop?abtest=half%20price:%20now%20%26%20here:gr%C3%BCn%20%F0%9F%9F%A2");
    // The session remembers it.
    tester.load(tab, "/shop");
    assert_eq!(
        (&*tester.variant(tab, EXPERIMENT), &*tester.reason(tab, EXPERIMENT)),
        (GREEN, "forced")
    );
    tester.goal(tab, GOAL);
    tester.flush(tab);
    Expected::default().check(&serve);
    tester.load(tab, "/shop?abtest=");
    assert_eq!(tester.reason(tab, EXPERIMENT), "split");
    no_errors(&tester);
}

#[test]
fn without_consent_nothing_is_stored_or_sent() {
    let (serve, shop) = start();
    let requests = |visitor: &Visitor, tab| {
        let sent = "performance.getEntriesByType('resource').filter(({name}) => \
                    !name.startsWith(location.origin)).length";
        (
            visitor.within(tab, sent),
            visitor.within(tab, "localStorage.length + sessionStorage.length"),
        )
    };
    let mut options = options(&serve);
    options["consent"] = false.into();
    let visitor = shop.visitor(options);
    let tab = visitor.open("/shop");
    assert_eq!(visitor.variant(tab, EXPERIMENT), "");
    visitor.goal(tab, GOAL);
    visitor.flush(tab);
    assert_eq!(requests(&visitor, tab), (json!(0), json!(0)));
    visitor.within(tab, "client.consent()");
    let variant = visitor.variant(tab, EXPERIMENT);
    visitor.flush(tab);
    let mut expected = Expected::default();
    expected.add(&variant, "participate");
    expected.check(&serve);
    assert_ne!(requests(&visitor, tab), (json!(0), json!(0)));
    visitor.within(tab, "client.consent(false)");
    assert_eq!(visitor.within(tab, "localStorage.length + sessionStorage.length"), 0);
    no_errors(&visitor);
}
