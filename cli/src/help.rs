//! Help texts that fit the terminal. clap wraps options by itself; this wraps what stands after them.

use clap::Command;

use crate::terminal::{columns, wrap};

/// Wider help is hard to read; clap's own limit.
const WIDEST: usize = 100;

/// The command and its subcommands, with the texts after their options fitted to `width` columns.
pub(crate) fn fitted(mut command: Command, width: usize) -> Command {
    let width = width.min(WIDEST);
    if let Some(text) = command.get_after_help() {
        let text = text_fitted(&text.to_string(), width);
        command = command.after_help(text);
    }
    for subcommand in command.get_subcommands_mut() {
        *subcommand = fitted(std::mem::take(subcommand), width);
    }
    command
}

/// A text with its paragraphs and examples in lines of at most `width` columns.
fn text_fitted(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for block in blocks(text) {
        match block {
            Block::Prose(prose) => lines.extend(wrap(&prose, width)),
            Block::Example { command, explanation, line } => {
                if let Some(line) = line.filter(|line| columns(line) <= width) {
                    lines.push(line);
                    continue;
                }
                lines.push(format!("  {command}"));
                let explanation = wrap(&explanation, width.saturating_sub(6).max(20));
                lines.extend(explanation.into_iter().map(|line| format!("      {line}")));
            }
        }
    }
    lines.join("\n")
}

enum Block {
    Prose(String),
    /// A command, and what it does.
    Example {
        command: String,
        explanation: String,
        /// Both in one line, unless the explanation was written below the command.
        line: Option<String>,
    },
}

/// Joins lines that belong together: those of a paragraph, and those of an explanation.
fn blocks(text: &str) -> Vec<Block> {
    /// An indented line that continues the explanation above it.
    const CONTINUED: &str = "          ";
    let mut blocks: Vec<Block> = Vec::new();
    for line in text.lines() {
        match blocks.last_mut() {
            Some(Block::Example { explanation, line: whole, .. })
                if line.starts_with(CONTINUED) =>
            {
                let more = line.trim();
                let one_line = whole.take().filter(|_| !explanation.is_empty());
                *whole = one_line.map(|line| format!("{line} {more}"));
                *explanation = format!("{explanation} {more}").trim().to_owned();
            }
            Some(Block::Prose(prose))
                if !line.is_empty() && !line.starts_with(' ') && !prose.is_empty() =>
            {
                *prose = format!("{prose} {line}");
            }
            _ if line.starts_with("  ") => {
                let (command, explanation) =
                    line.trim().split_once("  ").unwrap_or((line.trim(), ""));
                let (command, explanation) = (command.to_owned(), explanation.trim().to_owned());
                blocks.push(Block::Example { command, explanation, line: Some(line.to_owned()) });
            }
            _ => blocks.push(Block::Prose(line.to_owned())),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
Examples:
  abtest show         the page of the server
                      that runs here
  abtest show 'a b'
  abtest show --everything
                      all of it

A sentence that is longer
than a line. Another one.";

    #[test]
    fn wide_terminals_get_one_line_per_example_and_paragraph() {
        let expected = "\
Examples:
  abtest show         the page of the server that runs here
  abtest show 'a b'
  abtest show --everything
      all of it

A sentence that is longer than a line. Another one.";
        assert_eq!(text_fitted(TEXT, 80), expected);
    }

    #[test]
    fn narrow_terminals_get_explanations_below_their_commands() {
        let expected = "\
Examples:
  abtest show
      the page of the server
      that runs here
  abtest show 'a b'
  abtest show --everything
      all of it

A sentence that is longer than
a line. Another one.";
        assert_eq!(text_fitted(TEXT, 30), expected);
    }
}
