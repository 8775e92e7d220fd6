//! The page as files for a static host: it asks its reader for the key, and keeps it in no storage.

use std::path::Path;

use anyhow::{Context, Result};

use crate::page::files::FILES;
use crate::terminal::dim;

/// Where the page reads the API's address.
const PLACE: &str = r#"<meta name="abtest-api" content="">"#;

/// Writes the page for the API at `address` into a folder.
pub(super) fn write(folder: &Path, address: &str) -> Result<()> {
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
    println!("{} files in {}, for {address}", FILES.len(), folder.display());
    println!(
        "{}",
        dim("Put them onto any static host; whoever opens the page is asked for the API key.")
    );
    Ok(())
}

/// The page that knows its API, and may speak with no other.
fn page(html: &str, address: &str) -> String {
    let origin: String = address.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src {origin}; base-uri 'none'; form-action 'none'"
    );
    let place = format!(
        "<meta name=\"abtest-api\" content=\"{}\">\n  \
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n  \
         <meta name=\"referrer\" content=\"no-referrer\">",
        escaped(address),
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
    use crate::page::files::find;

    #[test]
    fn the_exported_page_speaks_with_its_own_api_alone() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("public"), "https://example.org:8443/prod").unwrap();
        let html = std::fs::read_to_string(folder.path().join("public/index.html")).unwrap();
        assert!(html.contains(r#"content="https://example.org:8443/prod""#), "{html}");
        assert!(html.contains("connect-src https://example.org:8443; "), "{html}");
        for file in FILES {
            assert!(folder.path().join("public").join(file.name).exists(), "{}", file.name);
        }
    }

    #[test]
    fn an_address_cannot_break_out_of_the_page() {
        let html = page(find("index.html").unwrap().content, "https://example.org/\"><b>");
        assert!(!html.contains("<b>"), "{html}");
    }
}
