//! Each view on a phone, a laptop and a wide screen, light and dark, with axe and with the keyboard.

use abtest_tests::reader::Screen;
use serde_json::json;

use super::{HOSTILE, link, reader_with, server_with_experiments};

#[test]
fn every_view_fits_its_screen_and_is_accessible() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    // The name of a picture, the link, and a text that only this view has.
    let views = [
        ("list", "#/".to_owned(), "7 experiments"),
        ("searched", "#/?search=color".to_owned(), "1 found"),
        ("nothing-found", "#/?search=zebra".to_owned(), "Nothing found"),
        ("one", link("button color"), "12,030 participants"),
        ("mismatch", link("split"), "Sample ratio mismatch"),
        ("early", link("early"), "58 participants"),
        ("no-goals", link("no goals"), "No goal reached yet"),
        ("rates", link("clicks"), "2,010 participants"),
        ("hostile", link(HOSTILE), "1,515 participants"),
        ("fifty-variants", link("many variants"), "40,000 participants"),
        ("missing", link("never was"), "No such experiment"),
        ("empty", "#/?namespace=none".to_owned(), "No events yet"),
    ];
    for (scheme, width) in [
        ("light", 390),
        ("light", 1024),
        ("light", 1920),
        ("dark", 390),
        ("dark", 1024),
        ("dark", 1920),
    ] {
        let how = json!({"width": width, "scheme": scheme});
        let reader = reader_with(&screen, &serve, how);
        for (name, hash, seen) in &views {
            reader.go(hash);
            reader.see_text("main", seen);
            if link("button color") == *hash {
                // Check the closed parts too.
                reader.ask(
                    "document.querySelectorAll('details').forEach((one) => { one.open = true })",
                );
            }
            let place = format!("{name} at {width}, {scheme}");
            reader.picture(&format!("{name}-{width}-{scheme}"));
            assert!(reader.overflow() <= 0, "{place}");
            assert_eq!(reader.violations(), [""; 0], "{place}");
            let complaints = reader.complaints();
            let expected = |text: &String| *name == "missing" && text.contains("404");
            assert!(complaints.iter().all(expected), "{place}: {complaints:?}");
        }
    }
}

#[test]
fn a_hostile_name_is_shown_as_text_everywhere() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let reader = reader_with(&screen, &serve, json!({}));
    let listed = reader.texts("ol.rows h2");
    assert!(listed.iter().any(|name| name == HOSTILE), "{listed:?}");
    reader.go(&link(HOSTILE));
    reader.see_text("h1", HOSTILE);
    assert_eq!(reader.ask("document.title"), format!("{HOSTILE} – abtest"));
    let body = reader.texts("main").concat();
    for name in ["<b>bold</b>", "=cmd|' /C calc'!A0", "\"><script>alert(1)</script>"] {
        assert!(body.contains(name), "{name}");
    }
    // Direction characters are shown as code points.
    assert!(body.contains("\\u{202e}") && !body.contains('\u{202e}'), "{body}");
    assert_eq!(reader.ask("document.querySelectorAll('main img, main script, main b').length"), 0);

    reader.ask("document.querySelectorAll('details').forEach((one) => { one.open = true })");
    for (button, formula) in [("Copy as CSV", "'=cmd"), ("Copy as Markdown", "\\=cmd\\|")] {
        reader.click(&format!("section.goal button:text('{button}')"));
        reader.see_text("#status", "Copied.");
        let copied = reader.clipboard();
        assert!(copied.contains(formula), "{copied}");
        assert!(!copied.contains("\n=cmd") && !copied.contains(",=cmd"), "{copied}");
        assert!(!copied.contains('\u{202e}'), "{copied}");
    }
    // The head of the matrix has variants too.
    reader.click("section.goal details:has(select) button:text('Copy as CSV')");
    let copied = reader.clipboard();
    assert!(copied.lines().next().unwrap().contains(",'=cmd"), "{copied}");

    reader.click("#delete");
    reader.see_text("dialog h2", HOSTILE);
    assert_eq!(reader.ask("document.title"), format!("{HOSTILE} – abtest"));
    assert!(reader.complaints().is_empty());
}

#[test]
fn everything_can_be_done_from_the_keyboard() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let reader = screen.read(&format!("{}/", serve.url));
    reader.see("#key");
    let tab_to = |selector: &str| {
        for _ in 0..80 {
            reader.press(&["Tab"]);
            let there = format!("document.activeElement.matches({selector:?})");
            if reader.ask(&there) == true {
                return;
            }
        }
        panic!("no way to {selector} with Tab");
    };
    tab_to("#key");
    reader.type_text(&serve.key);
    reader.press(&["Enter"]);
    reader.see("ol.rows");
    tab_to("input[type=search]");
    reader.type_text("color");
    reader.see_text(".title p", "1 found");
    tab_to("ol.rows h2 a");
    reader.press(&["Enter"]);
    reader.see_text("h1", "button color");
    tab_to("select[name=control]");
    reader.press(&["ArrowUp"]);
    tab_to("section.goal summary");
    reader.press(&["Enter"]);
    reader.see("section.goal details[open] table");
    tab_to("#delete");
    reader.press(&["Enter"]);
    reader.see("dialog");
    tab_to("#deletion-name");
    reader.press(&["Escape"]);
    reader.miss("dialog");
    tab_to("#delete");
    reader.press(&["Enter"]);
    tab_to("#deletion-name");
    reader.type_text("button color");
    reader.press(&["Enter"]);
    reader.see_text("h1", "Experiments");
    assert_eq!(serve.get("/experiments/button%20color").status, 404);
}
