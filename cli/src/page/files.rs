//! The page's files, embedded in the binary.

use std::sync::LazyLock;

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
    pub(crate) content: String,
}

macro_rules! files {
    ($($name:literal: $content_type:ident,)*) => {
        LazyLock::new(|| vec![$(File {
            name: $name,
            content_type: $content_type,
            content: match $content_type {
                SCRIPT => compact(include_str!(concat!("../../../dashboard/", $name))),
                _ => include_str!(concat!("../../../dashboard/", $name)).to_owned(),
            },
        },)*])
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
/// A licence. No page loads it, but it must come with each copy of its library.
const TEXT: &str = "text/plain; charset=utf-8";

/// All of them.
pub(crate) static FILES: LazyLock<Vec<File>> = files! {
    "app.js": SCRIPT,
    "data/actions.js": SCRIPT,
    "data/api.js": SCRIPT,
    "data/definitions.js": SCRIPT,
    "data/memory.js": SCRIPT,
    "data/order.js": SCRIPT,
    "data/reading.js": SCRIPT,
    "data/router.js": SCRIPT,
    "data/state.js": SCRIPT,
    "definition/card.js": SCRIPT,
    "definition/editor.js": SCRIPT,
    "definition/fields.js": SCRIPT,
    "definition/history.js": SCRIPT,
    "definition/layers.js": SCRIPT,
    "definition/members.js": SCRIPT,
    "definition/preview.js": SCRIPT,
    "definition/sentences.js": SCRIPT,
    "definition/step.js": SCRIPT,
    "definition/typed.js": SCRIPT,
    "experiment/days.js": SCRIPT,
    "experiment/experiment.js": SCRIPT,
    "experiment/goal.js": SCRIPT,
    "experiment/health.js": SCRIPT,
    "experiment/looks.js": SCRIPT,
    "experiment/matrix.js": SCRIPT,
    "experiment/settling.js": SCRIPT,
    "icon.svg": SVG,
    "index.html": HTML,
    "list/list.js": SCRIPT,
    "main.js": SCRIPT,
    "parts/clipboard.js": SCRIPT,
    "parts/copy.js": SCRIPT,
    "parts/dialogs.js": SCRIPT,
    "parts/figures.js": SCRIPT,
    "parts/html.js": SCRIPT,
    "parts/interval.js": SCRIPT,
    "parts/notices.js": SCRIPT,
    "parts/snippet.js": SCRIPT,
    "parts/table.js": SCRIPT,
    "parts/text.js": SCRIPT,
    "parts/verdict.js": SCRIPT,
    "parts/words.js": SCRIPT,
    "style.css": CSS,
    "vendor/hooks.mjs": SCRIPT,
    "vendor/htm.LICENSE": TEXT,
    "vendor/htm.mjs": SCRIPT,
    "vendor/preact.LICENSE": TEXT,
    "vendor/preact.mjs": SCRIPT,
};

/// A module without its comments and its indentation, which are a quarter of it and which no browser
/// needs. A comment of `dashboard/` has lines of its own, or it is a type inside of a line:
/// `/** @type {any} */`. No text that is shown depends on indentation.
fn compact(module: &str) -> String {
    let mut is_inside = false;
    let mut kept = String::with_capacity(module.len());
    for line in module.split_inclusive('\n') {
        let text = line.trim();
        is_inside |= text.starts_with("/**") && !text.contains("*/");
        let is_comment =
            text.starts_with("//") || (text.starts_with("/**") && text.ends_with("*/"));
        if !is_inside && !is_comment {
            push_without_types(&mut kept, line.trim_start_matches(' '));
        }
        is_inside &= !text.ends_with("*/");
    }
    kept
}

fn push_without_types(kept: &mut String, line: &str) {
    let mut rest = line;
    while let Some((before, (_, after))) = rest
        .split_once("/** @")
        .and_then(|(before, comment)| Some((before, comment.split_once("*/")?)))
    {
        kept.push_str(before);
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    kept.push_str(rest);
}

/// The file of this name.
pub(crate) fn find(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files that a browser loads.
    fn loaded() -> impl Iterator<Item = &'static File> {
        FILES.iter().filter(|file| file.content_type != TEXT)
    }

    #[test]
    fn the_page_weighs_less_than_150_kb() {
        let weight: usize = loaded().map(|file| file.content.len()).sum();
        assert!(weight < 150_000, "{weight} bytes");
    }

    #[test]
    fn every_module_that_is_imported_is_there_and_every_file_is_used() {
        let mut used = vec!["index.html", "main.js", "style.css", "icon.svg"];
        for file in loaded() {
            let folder = file.name.rsplit_once('/').map_or("", |(folder, _)| folder);
            // A vendored module is one line: `import{options as n}from"./preact.mjs"`.
            for import in file.content.split("from").skip(1).map(str::trim_start) {
                let path = import.strip_prefix('"').and_then(|rest| rest.split('"').next());
                let Some(path) = path.filter(|path| path.starts_with('.')) else { continue };
                let name = match path.strip_prefix("../") {
                    Some(path) => path.to_owned(),
                    None => format!("{folder}/{}", &path[2..]),
                };
                let found = find(name.trim_start_matches('/'));
                used.push(found.unwrap_or_else(|| panic!("{}: {path}", file.name)).name);
            }
        }
        for file in loaded() {
            assert!(used.contains(&file.name), "{} is not used", file.name);
        }
    }

    #[test]
    fn modules_lose_their_comments_and_indentation_and_nothing_else() {
        let module = "// About.\n/** One. */\nconst a = /** @type {any} */ (1)\n\n/**\n * Two.\n */\n\
                      const link = \"http://example.org\"\n  // Why.\n  b()\n";
        let kept = "const a = (1)\n\nconst link = \"http://example.org\"\nb()\n";
        assert_eq!(compact(module), kept);
    }

    #[test]
    fn each_library_comes_with_its_licence() {
        for name in ["preact", "htm"] {
            assert!(find(&format!("vendor/{name}.LICENSE")).is_some(), "{name}");
        }
    }
}
