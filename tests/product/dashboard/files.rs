//! The page's files: small, and of checked types.

use std::process::Command;

use abtest_tests::binaries::tests;
use abtest_tests::reader::Screen;

use super::{link, reader, server_with_experiments};

#[test]
fn the_modules_keep_to_the_types_that_they_name() {
    let folder = tests().join("browser");
    let output = Command::new(folder.join("node_modules/.bin/tsc"))
        .args(["-p", "."])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_page_weighs_less_than_a_hundred_kibibytes() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let reader = reader(&screen, &serve);
    reader.reload();
    reader.see_text("ol.rows", "button color");
    let (script, bytes) = reader.cost();
    println!("list: {bytes} bytes, {script:.0} ms of script");
    assert!(bytes > 10_000 && bytes < 100 * 1_024, "{bytes}");
    reader.go(&link("button color"));
    reader.reload();
    reader.see("section.goal");
    let (script, bytes) = reader.cost();
    println!("one experiment: {bytes} bytes, {script:.0} ms of script");
    assert!(bytes < 100 * 1_024, "{bytes}");
}
