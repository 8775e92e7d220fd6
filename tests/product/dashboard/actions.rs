//! What a reader can do on the page.

use abtest_tests::reader::Screen;
use abtest_tests::serve::encode;

use super::{link, reader, record, server_with_experiments};

#[test]
fn the_list_can_be_searched_and_sorted() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let reader = reader(&screen, &serve);
    let names = || reader.texts("ol.rows h2");
    assert_eq!(names()[..2], ["many variants", "button color"]);
    reader.choose("select[name=sort]", "name");
    reader.see_text("ol.rows li:last-child h2", "split");
    reader.choose("select[name=sort]", "verdict");
    // Problems come first.
    reader.see_text("ol.rows li:first-child", "sample ratio mismatch");
    reader.fill("input[type=search]", "EARL");
    reader.see_text(".title p", "1 found of 7 experiments");
    assert_eq!(names(), ["early"]);
    // The link holds the selection.
    assert!(reader.url().contains("search=EARL") && reader.url().contains("sort=verdict"));
    reader.reload();
    reader.see_text(".title p", "1 found of 7 experiments");
}

#[test]
fn rows_do_not_move_while_they_are_read() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let reader = reader(&screen, &serve);
    reader.see_text("ol.rows", "button color");
    let before = reader.texts("ol.rows h2");
    record(&serve, "the newest", &[("a", 60_000, &[]), ("b", 3, &[])]);
    record(&serve, "early", &[("7 days", 50, &[])]);
    // Counts change in place. New experiments wait for a click.
    reader.see_text("ol.rows li", "78 participants");
    reader.see_text(".fresh", "1 new experiment");
    assert_eq!(reader.texts("ol.rows h2"), before);
    reader.click(".fresh");
    reader.see_text("ol.rows li:first-child h2", "the newest");
    reader.miss(".fresh");
}

#[test]
fn the_chosen_control_is_stored_with_the_experiment_for_all_readers() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let one = reader(&screen, &serve);
    one.go(&link("button color"));
    one.see_text("section.goal .tag", "control");
    one.choose("select[name=control]", "red");
    one.see_text("#status", "Saved with the experiment.");
    one.see_text("section.goal [role=row].control", "red");
    // Another reader and the API see it.
    let other = reader(&screen, &serve);
    other.go(&link("button color"));
    other.see_text("section.goal [role=row].control", "red");
    assert_eq!(serve.get("/experiments/button%20color").json()["analysis"]["control"], "red");
    // A control in a link applies to that link only.
    other.go(&format!("{}?control=blue", link("button color")));
    other.see_text("section.goal [role=row].control", "blue");
    assert_eq!(serve.get("/experiments/button%20color").json()["analysis"]["control"], "red");
}

#[test]
fn deleting_needs_the_name_and_deletes_the_counts() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let reader = reader(&screen, &serve);
    reader.go(&link("split"));
    reader.click("#delete");
    reader.see_text("dialog", "cannot be undone");
    reader.fill("#deletion-name", "spli");
    reader.see("dialog button.danger:disabled");
    reader.click("dialog .close");
    reader.miss("dialog");
    assert_eq!(serve.get("/experiments/split").status, 200);
    reader.click("#delete");
    reader.fill("#deletion-name", "split");
    reader.click("dialog button.danger");
    reader.see_text("h1", "Experiments");
    reader.see_text("#status", "Deleted split.");
    assert_eq!(serve.get("/experiments/split").status, 404);
    reader.see_text(".title p", "6 experiments");
}

#[test]
fn a_hidden_experiment_can_be_listed_again() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let reader = reader(&screen, &serve);
    reader.go(&link("no goals"));
    reader.click("#hide");
    reader.see_text("#hide", "Show in the list");
    reader.go("#/");
    reader.see_text(".title p", "6 experiments, 1 hidden");
    assert!(!reader.texts("ol.rows h2").contains(&"no goals".to_owned()));
    reader.click("input[name=hidden]");
    reader.see_text("ol.rows h2", "no goals");
    assert_eq!(reader.texts("ol.rows h2"), ["no goals"]);
}

#[test]
fn another_namespace_has_its_own_experiments_and_snippet() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let track = format!("/track?namespace=shop&experiment={}", encode("in the shop"));
    assert_eq!(serve.get(&format!("{track}&variant=a&event=participate&uuid=1")).status, 200);
    let reader = reader(&screen, &serve);
    reader.fill("#namespace-name", "shop");
    reader.click("#namespace button");
    reader.see_text("ol.rows h2", "in the shop");
    assert!(reader.url().contains("namespace=shop"));
    reader.click("#snippet");
    reader.see("dialog pre");
    reader.click("dialog .copy");
    reader.see_text("#status", "Copied.");
    let snippet = reader.clipboard();
    let adapter = format!("new AlephBet.GimelAdapter(\"{}/track\", \"shop\")", serve.url);
    assert!(snippet.contains(&adapter), "{snippet}");
}

#[test]
fn a_term_opens_its_explanation() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let reader = reader(&screen, &serve);
    reader.go(&link("button color"));
    reader.see("section.goal");
    reader.click(".health button, .health [popovertarget]");
    reader.see_text("[popover]:popover-open", "visitors");
}
