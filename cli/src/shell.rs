//! Commands that people copy from a message into their shell.

use std::borrow::Cow;

use crate::terminal::printable;

/// A name as one word of a POSIX shell. Invisible characters are shown as code points.
pub(crate) fn word(name: &str) -> String {
    let shown = printable(name);
    // Only a NUL cannot be quoted, and `printable` leaves none.
    let quoted = shlex::try_quote(&shown).map(Cow::into_owned);
    quoted.unwrap_or_else(|_| shown.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word_of_a_shell() {
        assert_eq!(word("button"), "button");
        assert_eq!(word("button color"), "'button color'");
        assert_eq!(shlex::split(&word("it's $HOME")).unwrap(), ["it's $HOME"]);
        assert_eq!(word(""), "''");
    }
}
