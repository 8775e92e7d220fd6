//! How much is shown, and on how wide a screen.

use crate::terminal::{cut, printable};

/// Widest name that is shown whole.
const WIDEST_NAME: usize = 24;

/// How much is shown of an experiment, and on how wide a screen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// Columns of the screen.
    pub(crate) width: usize,
    /// Whether the screen is a terminal, and no pipe or file.
    pub(crate) is_terminal: bool,
    /// Whether to compare every variant with every other one.
    pub(crate) matrix: bool,
    /// The flag that prints every number, also those that the screen has no room for.
    pub(crate) whole: &'static str,
}

impl View {
    /// Columns for a sentence, between the margins.
    pub(super) fn room(self) -> usize {
        self.width.saturating_sub(4).max(20)
    }
}

/// A name that fits a table, without characters that could harm a terminal.
pub(super) fn short_name(name: &str) -> String {
    cut(&printable(name), WIDEST_NAME)
}
