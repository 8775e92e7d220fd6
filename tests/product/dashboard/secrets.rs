//! The page never contains the API key.

use abtest_tests::reader::Screen;
use serde_json::Value;

use super::{link, reader, server_with_experiments};

#[test]
fn the_key_is_in_no_url_page_or_storage_and_no_other_host_is_called() {
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
fn logging_out_ends_the_session_and_forgets_the_counts() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let reader = reader(&screen, &serve);
    reader.go(&link("button color"));
    reader.see("section.goal");
    let cookies = reader.cookies();
    let text = |member: &str| cookies[0][member].as_str().unwrap().to_owned();
    let cookie = format!("{}={}", text("name"), text("value"));
    reader.click("#log-out");
    reader.see_text("h1", "Enter the API key");
    reader.miss("#log-out");
    assert!(reader.cookies().is_empty());
    let headers = [("cookie", &*cookie), ("sec-fetch-site", "same-origin")];
    assert_eq!(serve.request("GET", "/experiments", &headers, &[]).status, 401);
    assert!(!reader.kept().contains("button color</bdi>"));
    reader.fill("#key", &serve.key);
    reader.click("#login button");
    reader.see_text("h1", "button color");
}

#[test]
fn another_site_cannot_use_the_readers_session() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let reader = reader(&screen, &serve);
    // The browser would not send the cookie from elsewhere; the server does not rely on that.
    let cookie = &reader.cookies()[0];
    let text = |member: &str| cookie[member].as_str().unwrap().to_owned();
    let cookie = format!("{}={}", text("name"), text("value"));
    let status = |site: &str| {
        let headers = [("cookie", &*cookie), ("sec-fetch-site", site)];
        serve.request("GET", "/experiments", &headers, &[]).status
    };
    assert_eq!(status("same-origin"), 200);
    assert_eq!(status("same-site"), 401);
    assert_eq!(status("cross-site"), 401);
    // No other site can put the page into a frame, and no script but its own runs in it.
    let policy = serve.get("/");
    let policy = policy.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
}
