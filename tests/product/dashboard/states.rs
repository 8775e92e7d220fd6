//! If there are no results, the page says what to do next.

use abtest_tests::reader::Screen;
use abtest_tests::serve::Serve;

use super::{link, reader, server_with_experiments};

#[test]
fn a_wrong_key_is_refused_and_the_right_one_opens_the_page() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let reader = screen.read(&format!("{}/", serve.url));
    reader.see_text("h1", "Enter the API key");
    reader.fill("#key", "guess");
    reader.click("#login button");
    reader.see_text("[role=alert]", "That is not the API key.");
    assert!(reader.violations().is_empty());
    reader.picture("wrong-key");
    reader.fill("#key", &serve.key);
    reader.click("#login button");
    reader.see_text("ol.rows h2", "button color");
}

#[test]
fn a_server_without_events_shows_how_to_send_the_first() {
    let (serve, screen) = (Serve::embedded(), Screen::start());
    let reader = screen.read(&format!("{}/", serve.url));
    reader.fill("#key", &serve.key);
    reader.click("#login button");
    reader.see_text("h1", "No events yet");
    reader.click("button.copy");
    reader.see_text("#status", "Copied.");
    let line = reader.clipboard();
    assert!(line.starts_with(&format!("curl '{}/track?", serve.url)), "{line}");
    // The command works, and the page shows the event.
    assert_eq!(serve.get(&line["curl '".len() + serve.url.len()..line.len() - 1]).status, 200);
    reader.see_text("ol.rows h2", "button color");
}

#[test]
fn the_last_results_stay_while_the_server_is_down() {
    let (mut serve, screen) = (server_with_experiments(), Screen::start());
    let reader = reader(&screen, &serve);
    reader.go(&link("button color"));
    reader.see("section.goal");
    serve.kill();
    reader.see_text(".banner", "does not answer");
    reader.see_text(".banner", "You see the counts of");
    reader.see_text("section.goal", "560");
    assert_eq!(reader.violations(), [""; 0]);
    reader.picture("server-gone");
    serve.restart();
    // A restart ends the sessions, so the page asks for the key again and then shows the same view.
    reader.see_text("h1", "Enter the API key");
    reader.fill("#key", &serve.key);
    reader.click("#login button");
    reader.see_text("h1", "button color");
    reader.see_text("section.goal", "560");
}

#[test]
fn a_missing_experiment_and_a_bad_request_are_explained() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let reader = reader(&screen, &serve);
    reader.go(&link("never was"));
    reader.see_text("main", "There is no never was in the namespace alephbet");
    reader.go(&format!("{}?control=nobody", link("button color")));
    reader.see_text("h1", "The server refused the request");
    reader.see_text("main", "names no variant of this experiment");
    reader.click("main a:text('All experiments')");
    reader.see("ol.rows");
}
