//! `abtest experiments delete`: deletes experiments with their counters.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::counted::missing;
use crate::ExitStatus;
use crate::client::{Client, ClientArguments, Listed};
use crate::shell;
use crate::terminal::{confirm, is_quiet, is_verbose, printable};

/// Delete experiments with all their counters. Shows them first, and asks.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest experiments delete 'button color'
  abtest experiments delete --match '*<script*' --match '*../*'
  abtest experiments delete --match '*' --at-most 1    experiments that scanners made up

A pattern leaves out experiments with a definition; name those to delete them. On a terminal it asks
before it deletes. Elsewhere it deletes nothing without --yes, and exits with 2.")]
pub(super) struct DeleteArguments {
    #[command(flatten)]
    client: ClientArguments,
    /// Names of experiments.
    #[arg(required_unless_present = "patterns", value_name = "NAME")]
    names: Vec<String>,
    /// Also experiments without a definition whose name matches: * is any text, ? one character,
    /// [ab] a or b, {a,b} a or b.
    #[arg(long = "match", value_name = "PATTERN")]
    patterns: Vec<String>,
    /// Only experiments with at most this number of participants.
    #[arg(long, value_name = "PARTICIPANTS")]
    at_most: Option<u64>,
    /// Delete without asking.
    #[arg(long)]
    yes: bool,
    /// Print the names of the deleted experiments as JSON.
    #[arg(long, requires = "yes")]
    json: bool,
}

pub(super) fn run(arguments: &DeleteArguments) -> Result<ExitStatus> {
    let client = Client::new(&arguments.client)?;
    let patterns = patterns(&arguments.patterns)?;
    let experiments = client.experiments()?;
    for name in &arguments.names {
        let named = experiments.iter().find(|listed| listed.name() == name);
        check_deletable(named.ok_or_else(|| missing(name))?)?;
    }
    let mut chosen = Vec::new();
    let mut left_out = Vec::new();
    for listed in experiments {
        match choice(&listed, &arguments.names, &patterns, arguments.at_most) {
            Choice::Delete => chosen.push(listed),
            Choice::LeaveOut => left_out.push(listed),
            Choice::Ignore => {}
        }
    }
    if arguments.json {
        delete_all(&client, &chosen)?;
        let names = |all: &[Listed]| all.iter().map(|one| one.name().to_owned()).collect();
        let (deleted, left_out): (Vec<String>, Vec<String>) = (names(&chosen), names(&left_out));
        println!("{}", serde_json::json!({"deleted": deleted, "left_out": left_out}));
        return Ok(ExitStatus::Done);
    }
    if !left_out.is_empty() {
        println!(
            "left out {} with a definition; name them to delete them: {}",
            experiments_in_words(left_out.len()),
            some_names(&left_out)
        );
    }
    if chosen.is_empty() {
        println!("no experiment matches; nothing was deleted");
        return Ok(ExitStatus::Done);
    }
    show(&chosen, is_verbose());
    if !arguments.yes && !confirm_deletion(chosen.len())? {
        return Ok(ExitStatus::Unconfirmed);
    }
    delete_all(&client, &chosen)?;
    println!("deleted {}", chosen.len());
    Ok(ExitStatus::Done)
}

/// The server deletes drafts, archived experiments and those without a definition.
fn check_deletable(listed: &Listed) -> Result<()> {
    let (shown, word) = (printable(listed.name()), shell::word(listed.name()));
    match listed.defined("status").as_str() {
        Some(status @ ("running" | "paused")) => bail!(
            "{shown} is {status}; stop it with `abtest experiments stop {word} --winner VARIANT`, archive \
             it with `abtest experiments archive {word}`, then delete it"
        ),
        Some("completed") => bail!(
            "{shown} is completed; archive it with `abtest experiments archive {word}`, then delete it"
        ),
        _ => Ok(()),
    }
}

fn patterns(patterns: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob =
            GlobBuilder::new(pattern).literal_separator(false).backslash_escape(true).build();
        set.add(glob.with_context(|| format!("`{pattern}` is not a pattern"))?);
    }
    Ok(set.build()?)
}

/// What happens to an experiment.
#[derive(Debug, PartialEq, Eq)]
enum Choice {
    Delete,
    /// It matches, but somebody defined it and did not name it.
    LeaveOut,
    Ignore,
}

fn choice(listed: &Listed, names: &[String], patterns: &GlobSet, at_most: Option<u64>) -> Choice {
    let is_small = at_most.is_none_or(|most| listed.participants() <= most);
    let is_named = names.iter().any(|name| name == listed.name());
    let is_defined = !listed.defined("status").is_null();
    match (is_named, patterns.is_match(listed.name())) {
        _ if !is_small => Choice::Ignore,
        (true, _) => Choice::Delete,
        (false, true) if is_defined => Choice::LeaveOut,
        (false, true) => Choice::Delete,
        (false, false) => Choice::Ignore,
    }
}

/// The first names, for a sentence.
fn some_names(listed: &[Listed]) -> String {
    const SHOWN: usize = 5;
    let mut names: Vec<String> =
        listed.iter().take(SHOWN).map(|one| printable(one.name())).collect();
    if listed.len() > SHOWN {
        names.push(format!("and {} more", listed.len() - SHOWN));
    }
    names.join(", ")
}

fn show(chosen: &[Listed], verbose: bool) {
    let shown = if verbose { chosen.len() } else { 10 };
    println!("{}, with participants:", experiments_in_words(chosen.len()));
    for listed in chosen.iter().take(shown) {
        println!("{:>12}  {}", listed.participants(), printable(listed.name()));
    }
    if chosen.len() > shown {
        println!("              and {} more; --verbose shows them all", chosen.len() - shown);
    }
}

fn experiments_in_words(count: usize) -> String {
    if count == 1 { "1 experiment".to_owned() } else { format!("{count} experiments") }
}

fn confirm_deletion(count: usize) -> Result<bool> {
    let experiments = experiments_in_words(count);
    let question = format!("Delete {experiments} with all counts? This cannot be undone.");
    confirm(&question, "nothing was deleted; add --yes to delete them")
}

/// Deletes several experiments at a time. Continues after a failure, and reports the first one at
/// the end.
fn delete_all(client: &Client, chosen: &[Listed]) -> Result<()> {
    const AT_ONCE: usize = 8;
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failures = Mutex::new(Vec::new());
    let progress = std::io::stderr().is_terminal() && !is_quiet();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(chosen.len()) {
            scope.spawn(|| {
                while let Some(listed) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = client.delete(listed.name())
                        && let Ok(mut failures) = failures.lock()
                    {
                        failures.push(format!("{}: {error:#}", printable(listed.name())));
                    }
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if progress {
                        eprint!("\r{done} of {}", chosen.len());
                    }
                }
            });
        }
    });
    if progress {
        eprintln!();
    }
    let failures = failures.into_inner().unwrap_or_default();
    match failures.first() {
        Some(first) => bail!("{} could not be deleted; the first: {first}", failures.len()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn listed(experiment: &str, trials: u64) -> Listed {
        let variants = [serde_json::json!({"label": "v", "trials": trials})];
        let listed = serde_json::json!({"experiment": experiment, "variants": variants});
        serde_json::from_value(listed).unwrap()
    }

    #[test]
    fn a_star_matches_anything_slashes_included() {
        let set = patterns(&["*../*".into(), "<*>".into()]).unwrap();
        let chosen =
            |name, trials, most| choice(&listed(name, trials), &[], &set, most) == Choice::Delete;
        assert!(chosen("a/../../etc/passwd", 5, None));
        assert!(chosen("<img src=/x>", 5, None));
        assert!(!chosen("button color", 5, None));
        assert!(!chosen("<b>", 5, Some(4)));
        assert!(chosen("<b>", 4, Some(4)));
    }

    #[test]
    fn a_name_is_taken_literally() {
        let names = ["*".to_owned()];
        let none = patterns(&[]).unwrap();
        assert_eq!(choice(&listed("*", 1), &names, &none, None), Choice::Delete);
        assert_eq!(choice(&listed("a", 1), &names, &none, None), Choice::Ignore);
    }

    #[test]
    fn a_pattern_leaves_definitions_out() {
        let defined = serde_json::json!({"experiment": "b", "definition": {"status": "draft"}});
        let defined: Listed = serde_json::from_value(defined).unwrap();
        let all = patterns(&["*".into()]).unwrap();
        assert_eq!(choice(&defined, &[], &all, None), Choice::LeaveOut);
        assert_eq!(choice(&defined, &["b".to_owned()], &all, None), Choice::Delete);
    }
}
