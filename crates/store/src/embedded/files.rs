//! Checks the files of a folder without opening it and without changing anything.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::copies::journals;
use super::finding::Finding;
use super::journal::Journal;
use super::keyspaces::{self, Depth};

/// fjall's marker, and what it holds.
const MARKER: (&str, &[u8]) = ("version", b"FJL\x03");

/// How many missing journals in a row are named.
const MOST_NAMED: usize = 10;

/// Whether nothing was ever stored in a folder. The process that creates it may be killed: fjall creates
/// an empty journal, then its marker, then the first keyspace.
pub(super) fn is_new(folder: &Path) -> io::Result<bool> {
    let is_empty = |name| match fs::read(folder.join(name)) {
        Ok(found) => Ok(found.is_empty()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    };
    let has_no_keyspace = match fs::read_dir(folder.join(keyspaces::FOLDER)) {
        Ok(mut keyspaces) => keyspaces.next().is_none(),
        Err(error) if error.kind() == ErrorKind::NotFound => true,
        Err(error) => return Err(error),
    };
    for (_, journal) in journals(folder)? {
        if fs::read(journal)?.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
    Ok(is_empty(MARKER.0)? && has_no_keyspace)
}

/// Removes the files of a [new](is_new) folder, which fjall would not create over them.
pub(super) fn clear_new(folder: &Path) -> io::Result<()> {
    for (_, journal) in journals(folder)? {
        fs::remove_file(journal)?;
    }
    match fs::remove_file(folder.join(MARKER.0)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What is wrong with the files of a folder.
pub(super) fn inspect(folder: &Path, depth: Depth) -> io::Result<Vec<Finding>> {
    if is_new(folder)? {
        return Ok(Vec::new());
    }
    let mut findings = Vec::from_iter(inspect_marker(folder)?);
    let (of_journals, is_empty) = inspect_journals(folder)?;
    findings.extend(of_journals);
    let of_keyspaces = keyspaces::inspect(folder, depth)?;
    let first = Path::new(keyspaces::FOLDER).join("0");
    // A crash may have come while the folder was created, before anything was stored.
    if of_keyspaces.is_empty() && !is_empty && !folder.join(&first).try_exists()? {
        findings.push(Finding::missing_file(first));
    }
    findings.extend(of_keyspaces);
    Ok(findings)
}

fn inspect_marker(folder: &Path) -> io::Result<Option<Finding>> {
    let (name, expected) = MARKER;
    match fs::read(folder.join(name)) {
        Ok(found) if found == expected => Ok(None),
        Ok(_) => Ok(Some(Finding::file(name, "is damaged"))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Some(Finding::missing_file(name))),
        Err(error) => Err(error),
    }
}

/// What is wrong with the journals, and whether they hold nothing.
fn inspect_journals(folder: &Path) -> io::Result<(Vec<Finding>, bool)> {
    let journals = journals(folder)?;
    if journals.is_empty() {
        return Ok((vec![Finding::of_contents("the journal (*.jnl) is missing")], false));
    }
    let (mut findings, mut is_empty) = (Vec::new(), true);
    let mut following = None;
    for (name, path) in journals {
        let number: Option<u64> = name.strip_suffix(".jnl").and_then(|number| number.parse().ok());
        let Some(number) = number else {
            findings.push(Finding::file(name, "does not belong there"));
            continue;
        };
        // fjall removes the oldest journals only.
        for missing in (following.unwrap_or(number)..number).take(MOST_NAMED) {
            findings.push(Finding::missing_file(format!("{missing}.jnl")));
        }
        following = Some(number + 1);
        let journal = Journal::read(&fs::read(path)?);
        is_empty &= journal.is_empty();
        findings.extend(journal.damage().into_iter().map(|range| {
            let problem = format!(
                "is damaged: {} bytes from byte {} on cannot be read, and later commits follow",
                range.len(),
                range.start
            );
            Finding::file(&name, problem)
        }));
    }
    Ok((findings, is_empty))
}
