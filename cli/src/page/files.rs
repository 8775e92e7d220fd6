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
    "data/modules.js": SCRIPT,
    "data/order.js": SCRIPT,
    "data/reading.js": SCRIPT,
    "data/router.js": SCRIPT,
    "data/state.js": SCRIPT,
    "definition/card.js": SCRIPT,
    "definition/decision.js": SCRIPT,
    "definition/editor.js": SCRIPT,
    "definition/explain.js": SCRIPT,
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
    use std::collections::BTreeMap;

    use super::*;

    /// The files that a browser loads.
    fn loaded() -> impl Iterator<Item = &'static File> {
        FILES.iter().filter(|file| file.content_type != TEXT)
    }

    /// The modules that a module imports at once, or later when a view needs them.
    fn imports(file: &File, later: bool) -> Vec<&'static File> {
        let folder = file.name.rsplit_once('/').map_or("", |(folder, _)| folder);
        // A vendored module is one line: `import{options as n}from"./preact.mjs"`.
        let before = if later { "import(" } else { "from" };
        let paths = file.content.split(before).skip(1).map(str::trim_start).filter_map(|rest| {
            let path = rest.strip_prefix('"')?.split('"').next()?;
            path.starts_with('.').then_some(path)
        });
        let named = paths.map(|path| {
            let name = match path.strip_prefix("../") {
                Some(path) => path.to_owned(),
                None => format!("{folder}/{}", &path[2..]),
            };
            find(name.trim_start_matches('/')).unwrap_or_else(|| panic!("{}: {path}", file.name))
        });
        named.collect()
    }

    /// The files that a browser has loaded after these modules and everything that they import at once.
    fn closure(first: &[&'static str]) -> BTreeMap<&'static str, &'static File> {
        let mut found = BTreeMap::new();
        let mut next: Vec<&File> = first.iter().filter_map(|name| find(name)).collect();
        while let Some(file) = next.pop() {
            if found.insert(file.name, file).is_none() {
                next.extend(imports(file, false));
            }
        }
        found
    }

    const START: [&str; 4] = ["index.html", "main.js", "style.css", "icon.svg"];

    #[test]
    fn each_view_of_the_page_weighs_less_than_150_kb() {
        let weight = |first: &[&'static str]| -> usize {
            closure(first).values().map(|file| file.content.len()).sum()
        };
        assert!(weight(&START) > 50_000);
        let later = imports(find("data/modules.js").unwrap(), true);
        assert_eq!(later.len(), 4);
        for module in later {
            let mut first = START.to_vec();
            first.push(module.name);
            let weight = weight(&first);
            assert!(weight < 150_000, "{}: {weight} bytes", module.name);
        }
    }

    #[test]
    fn the_list_and_the_results_load_no_editor() {
        let names = closure(&START);
        assert!(names.contains_key("experiment/experiment.js"));
        for later in ["editor", "fields", "explain", "history", "layers"] {
            assert!(!names.contains_key(&*format!("definition/{later}.js")), "{later}");
        }
    }

    #[test]
    fn every_module_that_is_imported_is_there_and_every_file_is_used() {
        let mut used = START.to_vec();
        for file in loaded() {
            for later in [false, true] {
                used.extend(imports(file, later).iter().map(|file| file.name));
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
