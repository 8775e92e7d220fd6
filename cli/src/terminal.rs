//! Terminal output: colours, questions, logs, and escaping of hostile names.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{IsTerminal, Stderr, Write as _};
use std::sync::atomic::{AtomicI8, Ordering};

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use anyhow::Result;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::SubscriberBuilder;
use tracing_subscriber::fmt::format::{DefaultFields, Format};

/// How much abtest prints, and in which colours.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Settings {
    /// When to use colours; auto means on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, global = true)]
    color: Color,
    /// Log to standard error what abtest does; -vv logs more.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    /// Print results and errors only: no hints, no progress.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// Below 0: quiet. Above 0: how often --verbose was given.
static VERBOSITY: AtomicI8 = AtomicI8::new(0);

impl Settings {
    /// Makes these the settings of the process.
    pub(crate) fn apply(self) {
        match self.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        }
        .write_global();
        let verbose = i8::try_from(self.verbose).unwrap_or(i8::MAX);
        VERBOSITY.store(if self.quiet { -1 } else { verbose }, Ordering::Relaxed);
    }
}

/// When clap uses colours in its own help and errors: as --color says. A wrong value counts as
/// `auto`; clap reports it.
pub(crate) fn color_of(arguments: impl Iterator<Item = OsString>) -> clap::ColorChoice {
    let mut arguments = arguments.take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        let value = match argument.to_str() {
            Some("--color") => arguments.next().and_then(|value| value.into_string().ok()),
            Some(text) => text.strip_prefix("--color=").map(str::to_owned),
            None => None,
        };
        match value.as_deref() {
            Some("always") => return clap::ColorChoice::Always,
            Some("never") => return clap::ColorChoice::Never,
            Some(_) => return clap::ColorChoice::Auto,
            None => {}
        }
    }
    clap::ColorChoice::Auto
}

/// Whether only results and errors are printed.
pub(crate) fn is_quiet() -> bool {
    verbosity() < 0
}

/// Whether more than usual is printed.
pub(crate) fn is_verbose() -> bool {
    verbosity() > 0
}

fn verbosity() -> i8 {
    VERBOSITY.load(Ordering::Relaxed)
}

/// Logs to standard error what a command does, if --verbose asks for it.
pub(crate) fn start_logs() {
    let level = match verbosity() {
        ..=0 => return,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    log_builder().with_max_level(level).without_time().init();
}

/// Logs to standard error what a server does: at the level of --verbose or --quiet, else as
/// RUST_LOG says, else at `info`.
pub(crate) fn start_server_logs(json: bool) {
    let level = match verbosity() {
        ..=-1 => Some("warn"),
        0 => None,
        1 => Some("debug"),
        _ => Some("trace"),
    };
    let filter = match level {
        Some(level) => EnvFilter::new(level),
        None => EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")),
    };
    let logs = log_builder().with_env_filter(filter);
    if json { logs.json().flatten_event(true).init() } else { logs.init() }
}

fn log_builder() -> SubscriberBuilder<DefaultFields, Format, LevelFilter, fn() -> Stderr> {
    tracing_subscriber::fmt()
        .with_target(false)
        .with_writer(std::io::stderr as fn() -> Stderr)
        .with_ansi(has_colours(&std::io::stderr()))
        // Reporting a failed write to a closed standard error would panic.
        .log_internal_errors(false)
}

/// Whether errors and questions go to a terminal.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Red, on standard error.
pub(crate) fn red(text: &str) -> String {
    styled(&std::io::stderr(), AnsiColor::Red.on_default(), text)
}

/// Red, on standard output.
#[cfg(feature = "deploy")]
pub(crate) fn red_out(text: &str) -> String {
    styled(&std::io::stdout(), AnsiColor::Red.on_default(), text)
}

/// Green, on standard output.
pub(crate) fn green(text: &str) -> String {
    styled(&std::io::stdout(), AnsiColor::Green.on_default(), text)
}

/// Yellow, on standard output.
pub(crate) fn yellow(text: &str) -> String {
    styled(&std::io::stdout(), AnsiColor::Yellow.on_default(), text)
}

/// Bold, on standard output.
pub(crate) fn bold(text: &str) -> String {
    styled(&std::io::stdout(), Style::new().bold(), text)
}

/// Dim, on standard output.
pub(crate) fn dim(text: &str) -> String {
    styled(&std::io::stdout(), Style::new().dimmed(), text)
}

/// Asks a person. Without a terminal, prints `otherwise`: what to do instead.
pub(crate) fn confirm(question: &str, otherwise: &str) -> Result<bool> {
    if !is_interactive() {
        println!("{otherwise}");
        return Ok(false);
    }
    let answer = ask(&format!("{question} [y/N] "))?;
    Ok(["y", "yes"].contains(&answer.to_lowercase().as_str()))
}

/// Asks a person to type a name. If they type something else, it prints that the name does not match,
/// and `otherwise`.
pub(crate) fn confirm_name(question: &str, name: &str, otherwise: &str) -> Result<bool> {
    let matches = ask(question)? == name.trim();
    if !matches {
        println!("the name does not match; {otherwise}");
    }
    Ok(matches)
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

fn styled(stream: &impl RawStream, style: Style, text: &str) -> String {
    if has_colours(stream) { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

fn has_colours(stream: &impl RawStream) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}

/// Shows characters as code points if they are invisible, move the cursor or reverse the text. Anyone
/// on the internet can make up names, also names that look like others.
pub(crate) fn printable(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    let mut before = None;
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        let after = characters.peek().copied();
        if is_hidden(character, before, after) {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
        } else {
            shown.push(character);
        }
        before = Some(character);
    }
    shown
}

/// Whether a reader cannot see a character between these two.
fn is_hidden(character: char, before: Option<char>, after: Option<char>) -> bool {
    let is_text = |neighbour: Option<char>| neighbour.is_some_and(|one| !one.is_ascii());
    match character {
        // A space at an end, and spaces that look like the usual one.
        ' ' => before.is_none() || after.is_none(),
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            true
        }
        // Joiners belong to emoji and to some scripts.
        '\u{200c}' | '\u{200d}' => !(is_text(before) && is_text(after)),
        '\u{fe00}'..='\u{fe0f}' => !is_text(before),
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => {
            true
        }
        '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200e}' | '\u{200f}' => true,
        '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' => true,
        '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}' => true,
        other => other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_cannot_move_the_cursor_or_turn_the_text() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}c"), "a\\u{1b}[2Jb\\u{202e}c");
        assert_eq!(printable("50% off: 👩‍👩‍👧 ❤\u{fe0f}"), "50% off: 👩‍👩‍👧 ❤\u{fe0f}");
    }

    #[test]
    fn characters_that_nobody_sees_are_shown_as_code_points() {
        for (name, shown) in [
            (" red", "\\u{20}red"),
            ("red ", "red\\u{20}"),
            ("dark red", "dark red"),
            ("dark\u{a0}red", "dark\\u{a0}red"),
            ("re\u{200b}d", "re\\u{200b}d"),
            ("re\u{200d}d", "re\\u{200d}d"),
            ("red\u{fe0f}", "red\\u{fe0f}"),
            ("\u{3164}", "\\u{3164}"),
            ("naïve", "naïve"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
        ] {
            assert_eq!(printable(name), shown);
        }
    }

    #[test]
    fn clap_gets_the_colours_that_the_flag_asks_for() {
        let color = |text: &str| color_of(text.split(' ').map(OsString::from));
        assert_eq!(color("results --color always --help"), clap::ColorChoice::Always);
        assert_eq!(color("results --color=never"), clap::ColorChoice::Never);
        assert_eq!(color("results --color"), clap::ColorChoice::Auto);
        assert_eq!(color("results -- --color=always"), clap::ColorChoice::Auto);
    }

    #[test]
    fn text_is_broken_between_words_and_cut_by_columns() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 4), ["unbreakable"]);
        assert_eq!((cut("漢字漢字", 5), cut("漢字", 4)), ("漢字…".into(), "漢字".into()));
    }
}
