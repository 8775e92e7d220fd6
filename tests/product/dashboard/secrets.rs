//! The key opens the page, and is nowhere in it.

use abtest_tests::reader::Screen;
use serde_json::Value;

use super::{link, reader, server_with_experiments};

#[test]
fn the_key_is_in_no_address_no_page_and_no_storage_and_nobody_else_is_asked() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let reader = reader(&screen, &serve);
    for view in [link("button color"), "#/".to_owned()] {
        reader.go(&view);
        reader.see("main h1");
        assert!(!reader.kept().contains(&serve.key));
    }
    let cookies = reader.cookies();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    assert_eq!(
        (&cookies[0]["httpOnly"], &cookies[0]["sameSite"]),
        (&true.into(), &"Strict".into())
    );
    assert!(!cookies[0].to_string().contains(&serve.key));
    for request in reader.requests() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        assert!(text(&request["url"]).starts_with(&format!("{}/", serve.url)), "{request}");
        assert!(!request.to_string().contains(&serve.key), "{request}");
    }
}

#[test]
fn another_site_cannot_use_the_readers_session() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let _reader = reader(&screen, &serve);
    let policy = serve.get("/");
    let policy = policy.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
}
