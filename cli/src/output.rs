//! Printing that survives a closed pipe and a full disk.
//!
//! The standard library's `println!` and `eprintln!` panic when they cannot write. The macros here
//! replace them in this crate: after a failure they print nothing more, and [`failure`] tells
//! `main` what happened. So `abtest status | head -1` ends quietly, and `abtest serve` continues when
//! nothing reads its output.

use std::fmt::Arguments;
use std::io::{Error, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

macro_rules! print {
    ($($text:tt)*) => { $crate::output::print(format_args!($($text)*)) };
}

macro_rules! println {
    () => { $crate::output::print(format_args!("\n")) };
    ($($text:tt)*) => { $crate::output::print(format_args!("{}\n", format_args!($($text)*))) };
}

macro_rules! eprint {
    ($($text:tt)*) => { $crate::output::eprint(format_args!($($text)*)) };
}

macro_rules! eprintln {
    () => { $crate::output::eprint(format_args!("\n")) };
    ($($text:tt)*) => { $crate::output::eprint(format_args!("{}\n", format_args!($($text)*))) };
}

/// The first error of standard output.
static FAILURE: Mutex<Option<Error>> = Mutex::new(None);

/// Writes to standard output, unless that failed before.
pub(crate) fn print(text: Arguments) {
    let mut failure = FAILURE.lock().unwrap_or_else(PoisonError::into_inner);
    if failure.is_none() {
        *failure = std::io::stdout().write_fmt(text).err();
    }
}

/// Writes to standard error. There is no better place to report a failure, so it is ignored.
pub(crate) fn eprint(text: Arguments) {
    let _ = std::io::stderr().write_fmt(text);
}

/// Set by [`ignore_failures`].
static IGNORED: AtomicBool = AtomicBool::new(false);

/// From now on, failures to print do not matter, and [`failure`] returns `None`.
pub(crate) fn ignore_failures() {
    IGNORED.store(true, Ordering::Relaxed);
}

/// Why standard output is incomplete. A reader that closed the pipe (for example `head`) is not a
/// failure.
pub(crate) fn failure() -> Option<Error> {
    if IGNORED.load(Ordering::Relaxed) {
        return None;
    }
    let mut failure = FAILURE.lock().unwrap_or_else(PoisonError::into_inner);
    if failure.is_none() {
        *failure = std::io::stdout().flush().err();
    }
    failure.take().filter(|error| error.kind() != ErrorKind::BrokenPipe)
}
