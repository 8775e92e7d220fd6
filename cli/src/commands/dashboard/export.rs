//! The page as files for a static host. It asks its reader for the key, and does not store it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::address::Address;
use crate::page::files::FILES;
use crate::terminal::{confirm, dim, is_quiet, printable};

/// Where the page reads the API's address.
const PLACE: &str = r#"<meta name="abtest-api" content="">"#;

/// Asks before files in the folder are replaced that are not an exported page. Returns whether the
/// page may be written.
pub(super) fn may_be_written(folder: &Path, yes: bool) -> Result<bool> {
    let Some(foreign) = foreign(folder).filter(|_| !yes) else { return Ok(true) };
    let path = printable(&foreign.display().to_string());
    let otherwise = format!("{path} exists; nothing was written. Add --yes to replace it");
    confirm(&format!("{path} exists, and is not abtest's page. Replace it?"), &otherwise)
}

/// A file that the export would replace, if the folder does not hold an exported page.
fn foreign(folder: &Path) -> Option<PathBuf> {
    let index = std::fs::read_to_string(folder.join("index.html")).unwrap_or_default();
    let mut paths = FILES.iter().map(|file| folder.join(file.name));
    paths.find(|path| path.symlink_metadata().is_ok()).filter(|_| !index.contains(MARK))
}

/// In each exported `index.html`.
const MARK: &str = r#"<meta name="abtest-api" content=""#;

/// Writes the page for the API at `address` into a folder.
pub(super) fn write(folder: &Path, address: &Address, json: bool) -> Result<()> {
    let failed = || format!("cannot write into {}; is the folder yours?", folder.display());
    for file in FILES.iter() {
        let path = folder.join(file.name);
        std::fs::create_dir_all(path.parent().unwrap_or(folder)).with_context(failed)?;
        match file.name {
            "index.html" => std::fs::write(path, page(&file.content, address)),
            _ => std::fs::write(path, &file.content),
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
        for file in FILES.iter() {
            assert!(folder.path().join("public").join(file.name).exists(), "{}", file.name);
        }
    }

    #[test]
    fn only_an_exported_page_is_replaced_without_asking() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(foreign(folder.path()), None);
        write(folder.path(), &"http://127.0.0.1:8080".parse().unwrap(), false).unwrap();
        assert_eq!(foreign(folder.path()), None);
        std::fs::write(folder.path().join("index.html"), "<h1>My shop</h1>").unwrap();
        assert!(foreign(folder.path()).is_some());
    }

    #[test]
    fn an_address_cannot_break_out_of_the_page() {
        assert_eq!(escaped("\"><b>&"), "&quot;>&lt;b>&amp;");
    }
}
