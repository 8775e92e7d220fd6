//! The report again and again: in place on a terminal, else once per change.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::Result;

use crate::terminal::{self, columns, dim, yellow};

/// Time between two updates.
const PAUSE: Duration = Duration::from_secs(2);

/// Shows `report` (for a width and a height) until the process is stopped. Only the first report may
/// fail. Later, the last report stays and a line says why it is old.
pub(super) fn watch(report: impl Fn(usize, Option<usize>) -> Result<String>) -> Result<()> {
    let mut screen = Screen::new();
    let (width, height) = terminal::size();
    let mut seen = report(width, height)?;
    loop {
        if !screen.show(&seen, None)? {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
        let (width, height) = terminal::size();
        match report(width, height) {
            Ok(fresh) => seen = fresh,
            Err(error) => {
                if !screen.show(&seen, Some(&format!("{error:#}")))? {
                    return Ok(());
                }
                std::thread::sleep(PAUSE);
            }
        }
    }
}

/// The text, cut to the screen's height. Leaves room for two lines below.
pub(super) fn fit(text: &str, height: Option<usize>) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let Some(room) = height.map(|height| height.saturating_sub(3)) else { return text.to_owned() };
    if lines.len() <= room {
        return text.to_owned();
    }
    let missing = lines.len() - room;
    let note = dim(&format!("{missing} more lines: make the window taller, or use --goal"));
    lines[..room].join("\n") + "\n" + &note + "\n"
}

/// What was drawn last, to draw over it.
struct Screen {
    terminal: bool,
    last: String,
}

impl Screen {
    fn new() -> Self {
        Self { terminal: std::io::stdout().is_terminal(), last: String::new() }
    }

    /// Draws. Returns false if the reader is gone.
    fn show(&mut self, text: &str, trouble: Option<&str>) -> Result<bool> {
        let under = match trouble {
            Some(trouble) => yellow(&format!("! not up to date: {}", terminal::printable(trouble))),
            None => dim("updated every 2 seconds; press Ctrl-C to stop"),
        };
        let fresh = format!("{text}{under}\n");
        let written = if self.terminal {
            over(&self.last, &fresh, terminal::size().0)
        } else if fresh == self.last {
            return Ok(true);
        } else {
            fresh.clone()
        };
        self.last = fresh;
        let mut output = std::io::stdout().lock();
        match output.write_all(written.as_bytes()).and_then(|()| output.flush()) {
            // The reader closed the pipe (for example `head`).
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
            written => Ok(written.map(|()| true)?),
        }
    }
}

/// Draws `fresh` over `last` line by line and clears only the rest of each line, so that nothing
/// flickers.
fn over(last: &str, fresh: &str, width: usize) -> String {
    let up: usize = last.lines().map(|line| visible(line).div_ceil(width.max(1)).max(1)).sum();
    // Terminals that support synchronized updates show it at once; others ignore this.
    let mut drawn = "\x1b[?2026h".to_owned();
    if up > 0 {
        drawn += &format!("\x1b[{up}F");
    }
    for line in fresh.lines() {
        drawn += &format!("{line}\x1b[K\n");
    }
    drawn + "\x1b[J\x1b[?2026l"
}

/// The columns of a line without its colours.
fn visible(line: &str) -> usize {
    let mut pieces = line.split("\x1b[");
    let first = pieces.next().map_or(0, columns);
    first
        + pieces
            .map(|piece| piece.split_once('m').map_or(0, |(_, text)| columns(text)))
            .sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_text_is_drawn_over_the_last_one_even_if_lines_wrapped() {
        assert!(over("", "a\n", 80).starts_with("\x1b[?2026ha\x1b[K"));
        assert!(over("a\nb\n", "c\n", 80).starts_with("\x1b[?2026h\x1b[2F"));
        assert!(over("\x1b[1mlong line\x1b[0m\n", "c\n", 5).contains("\x1b[2F"));
    }

    #[test]
    fn a_text_that_is_too_tall_is_cut_and_says_so() {
        let text = "1\n2\n3\n4\n5\n6\n";
        assert_eq!(fit(text, None), text);
        assert_eq!(fit(text, Some(9)), text);
        assert!(fit(text, Some(6)).starts_with("1\n2\n3\n3 more lines"));
    }
}
