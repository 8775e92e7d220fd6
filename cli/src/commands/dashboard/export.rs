//! The page as files for a static host. It asks its reader for the key, and does not store it.

use std::path::Path;

use anyhow::{Context, Result};

use crate::address::Address;
use crate::page::files::FILES;
use crate::terminal::{dim, is_quiet};

/// Where the page reads the API's address.
const PLACE: &str = r#"<meta name="abtest-api" content="">"#;

/// Writes the page for the API at `address` into a folder.
pub(super) fn write(folder: &Path, address: &Address, json: bool) -> Result<()> {
    let failed = || format!("cannot write into {}; is the folder yours?", folder.display());
    std::fs::create_dir_all(folder).with_context(failed)?;
    for file in FILES {
        let path = folder.join(file.name);
        match file.name {
            "index.html" => std::fs::write(path, page(file.content, address)),
            _ => std::fs::write(path, file.content),
        }
        .with_context(failed)?;
    }
    if json {
        let written = serde_json::json!({
            "folder": folder, "files": FILES.len(), "shows": address.as_str(),
        });
        println!("{written}");
        return Ok(());
    }
    println!("{} files in {}, for {address}", FILES.len(), folder.display());
    if !is_quiet() {
        let next = "Copy them to any static host. The page asks its reader for the API key.";
        println!("{}", dim(next));
    }
    Ok(())
}

/// The page with the address of its API. Its policy allows no other host.
fn page(html: &str, address: &Address) -> String {
    let origin = address.origin();
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src {origin}; base-uri 'none'; form-action 'none'"
    );
    let place = format!(
        "<meta name=\"abtest-api\" content=\"{}\">\n  \
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n  \
         <meta name=\"referrer\" content=\"no-referrer\">",
        escaped(address.as_str()),
        escaped(&policy)
    );
    html.replace(PLACE, &place)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn the_exported_page_may_only_ask_its_own_api() {
        let folder = tempfile::tempdir().unwrap();
        let address = "https://example.org:8443/prod".parse().unwrap();
        write(&folder.path().join("public"), &address, false).unwrap();
        let html = std::fs::read_to_string(folder.path().join("public/index.html")).unwrap();
        assert!(html.contains(r#"content="https://example.org:8443/prod""#), "{html}");
        assert!(html.contains("connect-src https://example.org:8443; "), "{html}");
        for file in FILES {
            assert!(folder.path().join("public").join(file.name).exists(), "{}", file.name);
        }
    }

    #[test]
    fn an_address_cannot_break_out_of_the_page() {
        assert_eq!(escaped("\"><b>&"), "&quot;>&lt;b>&amp;");
    }
}
