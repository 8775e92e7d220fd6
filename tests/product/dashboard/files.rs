//! The page's files: their types, their libraries and their size.

use std::process::Command;

use abtest_tests::binaries::tests;
use abtest_tests::reader::Screen;

use super::{link, reader, server_with_experiments};

#[test]
fn the_modules_pass_the_type_checker() {
    let folder = tests().join("browser");
    let output = Command::new(folder.join("node_modules/.bin/tsc"))
        .args(["-p", "."])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_vendored_libraries_are_the_published_ones() {
    let output = Command::new("node")
        .arg("vendor.mjs")
        .current_dir(tests().join("browser"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_page_weighs_less_than_150_kilobytes() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let reader = reader(&screen, &serve);
    let weight_of = |seen: &str| {
        reader.reload();
        reader.see(seen);
        reader.weight()
    };
    let list = weight_of("ol.rows");
    reader.go(&link("button color"));
    let one = weight_of("section.goal");
    reader.go(&format!("{}/edit", link("button color")));
    let editor = weight_of("#editor");
    // A page that loaded nothing weighs nothing.
    assert!(editor > one && editor < 150_000, "{editor} bytes");
    assert!(list > 10_000 && list < 150_000, "{list} bytes");
    assert!(one > 10_000 && one < 150_000, "{one} bytes");
}
