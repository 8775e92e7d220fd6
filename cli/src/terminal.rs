//! What is shown to people: colours only on a terminal, and hostile names made harmless.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};

use anyhow::Result;

/// Whether errors and questions go to a terminal.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

pub(crate) fn red(text: &str) -> String {
    colour(std::io::stderr().is_terminal(), "31", text)
}

/// Red, on standard output.
pub(crate) fn red_out(text: &str) -> String {
    colour(std::io::stdout().is_terminal(), "31", text)
}

/// Green, on standard output.
pub(crate) fn green(text: &str) -> String {
    colour(std::io::stdout().is_terminal(), "32", text)
}

/// Yellow, on standard output.
pub(crate) fn yellow(text: &str) -> String {
    colour(std::io::stdout().is_terminal(), "33", text)
}

/// Bold, on standard output.
pub(crate) fn bold(text: &str) -> String {
    colour(std::io::stdout().is_terminal(), "1", text)
}

/// Dim, on standard output.
pub(crate) fn dim(text: &str) -> String {
    colour(std::io::stdout().is_terminal(), "2", text)
}

/// Asks a person; where there is none, says what to do instead.
pub(crate) fn confirm(question: &str, otherwise: &str) -> Result<bool> {
    if !is_interactive() {
        println!("{otherwise}");
        return Ok(false);
    }
    let answer = ask(&format!("{question} [y/N] "))?;
    Ok(["y", "yes"].contains(&answer.to_lowercase().as_str()))
}

/// Asks a person for a line.
pub(crate) fn ask(question: &str) -> Result<String> {
    eprint!("{question}");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

/// How many columns and lines there are on standard output; without a terminal as many columns as
/// `COLUMNS` says, or 100.
pub(crate) fn size() -> (usize, Option<usize>) {
    if let Some((width, height)) = terminal_size::terminal_size_of(std::io::stdout()) {
        return (width.0.into(), Some(height.0.into()));
    }
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    (columns.unwrap_or(100), None)
}

/// How many columns a text takes.
pub(crate) fn columns(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// The text in lines of at most `width` columns, broken between words.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let options = textwrap::Options::new(width).break_words(false);
    textwrap::wrap(text, options).into_iter().map(Into::into).collect()
}

/// The text cut to `width` columns, with a … where something is missing.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    for character in text.chars() {
        if columns(&shown) + columns(character.encode_utf8(&mut [0; 4])) + 1 > width {
            break;
        }
        shown.push(character);
    }
    shown + "…"
}

fn colour(terminal: bool, code: &str, text: &str) -> String {
    let wanted = terminal && std::env::var_os("NO_COLOR").is_none();
    if wanted { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// A name as it can be shown: what could move the cursor or turn the direction of writing is
/// shown as its code point. Names come from the open internet.
pub(crate) fn printable(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    for character in name.chars() {
        let turns = matches!(
            character,
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        );
        if character.is_control() || turns || matches!(character, '\u{2028}' | '\u{2029}') {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_cannot_move_the_cursor_or_turn_the_text() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}c"), "a\\u{1b}[2Jb\\u{202e}c");
        assert_eq!(printable("50% off: 👩‍👩‍👧"), "50% off: 👩‍👩‍👧");
    }

    #[test]
    fn text_is_broken_between_words_and_cut_by_columns() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 4), ["unbreakable"]);
        assert_eq!((cut("漢字漢字", 5), cut("漢字", 4)), ("漢字…".into(), "漢字".into()));
    }
}
