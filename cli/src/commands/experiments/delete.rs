//! `abtest experiments delete`: deletes experiments with their counters.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::counted::missing;
use crate::ExitStatus;
use crate::client::{Client, ClientArguments, Listed};
use crate::terminal::{confirm, is_quiet, is_verbose, printable};

/// Delete experiments with all their counters. Shows them first, and asks.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest experiments delete 'button color'
  abtest experiments delete --match '*<script*' --match '*../*'
  abtest experiments delete --match '*' --at-most 1    experiments that scanners made up

On a terminal it asks before it deletes. Elsewhere it deletes nothing without --yes, and exits
with 2.")]
pub(super) struct DeleteArguments {
    #[command(flatten)]
    client: ClientArguments,
    /// Names of experiments.
    #[arg(required_unless_present = "patterns", value_name = "NAME")]
    names: Vec<String>,
    /// Also experiments whose name matches: * is any text, ? one character, [ab] a or b, {a,b} a or b.
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
        if !experiments.iter().any(|listed| listed.name() == name) {
            return Err(missing(name));
        }
    }
    let chosen: Vec<Listed> = experiments
        .into_iter()
        .filter(|listed| is_chosen(listed, &arguments.names, &patterns, arguments.at_most))
        .collect();
    if arguments.json {
        delete_all(&client, &chosen)?;
        let names: Vec<&str> = chosen.iter().map(Listed::name).collect();
        println!("{}", serde_json::json!({ "deleted": names }));
        return Ok(ExitStatus::Done);
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

fn patterns(patterns: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob =
            GlobBuilder::new(pattern).literal_separator(false).backslash_escape(true).build();
        set.add(glob.with_context(|| format!("`{pattern}` is not a pattern"))?);
    }
    Ok(set.build()?)
}

fn is_chosen(listed: &Listed, names: &[String], patterns: &GlobSet, at_most: Option<u64>) -> bool {
    let named = names.iter().any(|name| name == listed.name()) || patterns.is_match(listed.name());
    named && at_most.is_none_or(|most| listed.participants() <= most)
}

fn show(chosen: &[Listed], verbose: bool) {
    let shown = if verbose { chosen.len() } else { 10 };
    println!("{}, with participants:", experiments(chosen.len()));
    for listed in chosen.iter().take(shown) {
        println!("{:>12}  {}", listed.participants(), printable(listed.name()));
    }
    if chosen.len() > shown {
        println!("              and {} more; --verbose shows them all", chosen.len() - shown);
    }
}

fn experiments(count: usize) -> String {
    if count == 1 { "1 experiment".to_owned() } else { format!("{count} experiments") }
}

fn confirm_deletion(count: usize) -> Result<bool> {
    let question = format!("Delete {} with all counts? This cannot be undone.", experiments(count));
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
        let chosen = |name, trials, most| is_chosen(&listed(name, trials), &[], &set, most);
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
        assert!(is_chosen(&listed("*", 1), &names, &none, None));
        assert!(!is_chosen(&listed("a", 1), &names, &none, None));
    }
}
