//! The page's files, embedded in the binary.

/// The Content-Security-Policy: the page uses only its own files and its own server, and no inline code.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// A file of the page.
pub(crate) struct File {
    /// Its name, below the page's address.
    pub(crate) name: &'static str,
    /// Its media type.
    pub(super) content_type: &'static str,
    /// Its text.
    pub(crate) content: &'static str,
}

macro_rules! files {
    ($($name:literal: $content_type:ident,)*) => {
        &[$(File {
            name: $name,
            content_type: $content_type,
            content: include_str!(concat!("../../../dashboard/", $name)),
        },)*]
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// All of them.
pub(crate) const FILES: &[File] = files! {
    "actions.js": SCRIPT,
    "api.js": SCRIPT,
    "copy.js": SCRIPT,
    "days.js": SCRIPT,
    "dom.js": SCRIPT,
    "experiment.js": SCRIPT,
    "figures.js": SCRIPT,
    "goal.js": SCRIPT,
    "health.js": SCRIPT,
    "icon.svg": SVG,
    "index.html": HTML,
    "interval.js": SCRIPT,
    "layer.js": SCRIPT,
    "list.js": SCRIPT,
    "looks.js": SCRIPT,
    "main.js": SCRIPT,
    "matrix.js": SCRIPT,
    "memory.js": SCRIPT,
    "notices.js": SCRIPT,
    "order.js": SCRIPT,
    "page.js": SCRIPT,
    "reading.js": SCRIPT,
    "router.js": SCRIPT,
    "settling.js": SCRIPT,
    "snippet.js": SCRIPT,
    "state.js": SCRIPT,
    "style.css": CSS,
    "table.js": SCRIPT,
    "verdict.js": SCRIPT,
    "words.js": SCRIPT,
};

/// The file of this name.
pub(crate) fn find(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_weighs_less_than_150_kb() {
        let weight: usize = FILES.iter().map(|file| file.content.len()).sum();
        assert!(weight < 150_000, "{weight} bytes");
    }

    #[test]
    fn every_module_that_is_imported_is_there_and_every_file_is_used() {
        let all: String = FILES.iter().map(|file| file.content).collect();
        for file in FILES.iter().filter(|file| file.name != "index.html") {
            assert!(all.contains(&format!("{}\"", file.name)), "{} is not used", file.name);
            for import in file.content.split("\nimport ").skip(1) {
                let name = import.split("\"./").nth(1).and_then(|rest| rest.split('"').next());
                let name = name.unwrap();
                assert!(find(name).is_some(), "{}: {name} is not embedded", file.name);
            }
        }
    }
}
