//! The demo's shop: a visitor buys, and the page next to it counts.

use std::time::{Duration, Instant};

use abtest_tests::reader::Screen;
use abtest_tests::serve::Serve;
use abtest_tests::shop::Shop;
use serde_json::json;

const EXPERIMENT: &str = "shop: buy button";

#[test]
fn a_visitor_of_the_demo_buys_and_is_counted_on_the_page_next_to_it() {
    let serve = Serve::start(&["--demo"]);
    let (shop, screen) = (Shop::start(), Screen::start());
    let operator = screen.read(&serve.page);
    operator.go("#/experiment/shop%3A%20buy%20button");
    let sees = |text: &str| {
        let start = Instant::now();
        loop {
            let page = operator.ask("document.body.innerText");
            let page = page.as_str().unwrap();
            if page.contains(text) {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "{text} is not in {page}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let visitor = shop.visitor(json!({}));
    let tab = visitor.open_address(&format!("{}/demo", serve.url));
    let says = |id: &str, text: &str| {
        visitor
            .wait(tab, &format!("document.getElementById('{id}')?.textContent.includes('{text}')"));
    };
    says("variant", "abtest has counted you");
    sees("1 participant");
    visitor.within(tab, "document.getElementById('buy').click()");
    says("thanks", "Thank you");
    sees("1 of 1");
    // The same visitor buys again, and counts once.
    visitor.within(tab, "document.getElementById('buy').click()");
    visitor.within(tab, "document.getElementById('next').click()");
    sees("2 participants");
    let total = |goal| ["blue", "green"].map(|one| serve.count(EXPERIMENT, goal, one)).iter().sum();
    let counted: (u64, u64) = (total("participate"), total("purchase"));
    assert_eq!(counted, (2, 1));
    assert_eq!(visitor.errors(), json!([]));
}
