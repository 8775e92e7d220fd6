//! The examples in a page of `docs`.

use crate::binaries::tests;

/// The address that examples use.
const ADDRESS: &str = "https://abtest.example.org";

/// A code block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Its language, such as `sh`.
    pub language: String,
    /// Its text.
    pub text: String,
}

/// The code blocks of a file below the project's folder, for a server at `url`.
pub fn examples(file: &str, url: &str) -> Vec<Example> {
    let path = tests().with_file_name(file);
    let page = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let mut examples = Vec::new();
    let mut open: Option<Example> = None;
    for line in page.replace(ADDRESS, url).lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => {
                open = Some(Example { language: language.to_owned(), text: String::new() });
            }
            (Some(example), None) => {
                example.text.push_str(line);
                example.text.push('\n');
            }
            (Some(_), Some(_)) => examples.extend(open.take()),
            (None, None) => {}
        }
    }
    examples
}
