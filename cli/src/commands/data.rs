//! `abtest data`: checks and repairs the data folder of a stopped `abtest serve`.

use std::path::PathBuf;

use abtest_stats::words::thousands;
use abtest_store::embedded::{self, Check, Contents, Finding, Repaired};
use anyhow::Result;
use serde_json::json;

use crate::ExitStatus;
use crate::stores;
use crate::terminal::{confirm, green, is_quiet, yellow};

/// Check and repair the data folder of `abtest serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(CheckArguments),
    Repair(RepairArguments),
}

/// Read a data folder and say what is damaged. Nothing is changed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every file is compared with its checksum, and every record is read. Stop `abtest serve` first.

Exit codes: 0 nothing is damaged; 1 something is, or the check failed.")]
struct CheckArguments {
    #[command(flatten)]
    place: Place,
    /// Print what was found as JSON.
    #[arg(long)]
    json: bool,
}

/// Save what can be read of a damaged data folder, so that `abtest serve` can start.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The damaged folder is set aside beside the new one. Nothing is deleted. A recent backup may hold
more: then restore it instead. Stop `abtest serve` first.

Exit codes: 0 repaired, or nothing was damaged; 1 failed; 2 a confirmation is missing.")]
struct RepairArguments {
    #[command(flatten)]
    place: Place,
    /// Repair without asking.
    #[arg(long)]
    yes: bool,
    /// Print what was saved as JSON.
    #[arg(long, requires = "yes")]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Place {
    /// The data folder.
    #[arg(long, value_name = "FOLDER", default_value = "abtest-data")]
    data: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    match &arguments.command {
        Command::Check(arguments) => check(arguments),
        Command::Repair(arguments) => repair(arguments),
    }
}

fn check(arguments: &CheckArguments) -> Result<ExitStatus> {
    let folder = &arguments.place.data;
    let found = embedded::check(&stores::counters(folder)?)?;
    let is_damaged = !found.findings.is_empty();
    let status = if is_damaged { ExitStatus::ChecksFailed } else { ExitStatus::Done };
    if arguments.json {
        let Check { findings, contents } = &found;
        println!("{}", json!({"damaged": is_damaged, "findings": findings, "contents": contents}));
        return Ok(status);
    }
    if is_damaged {
        print_findings(&found.findings);
        if !is_quiet() {
            println!("Restore the folder from a backup, or save what is left:");
            println!("  abtest data repair --data {}", folder.display());
        }
    } else {
        println!("{} nothing in {} is damaged", green("✓"), folder.display());
    }
    if let Some(contents) = &found.contents {
        println!("It holds {}.", in_words(contents));
    }
    Ok(status)
}

fn repair(arguments: &RepairArguments) -> Result<ExitStatus> {
    let folder = &arguments.place.data;
    let counters = stores::counters(folder)?;
    let found = embedded::check(&counters)?;
    if found.findings.is_empty() {
        if arguments.json {
            println!("{}", json!({"repaired": false}));
        } else {
            println!("nothing in {} is damaged; nothing was changed", folder.display());
        }
        return Ok(ExitStatus::Done);
    }
    if !arguments.json {
        print_findings(&found.findings);
    }
    let question = format!("Set {} aside and continue with what can be read?", counters.display());
    if !arguments.yes && !confirm(&question, "nothing was changed; add --yes to repair it")? {
        return Ok(ExitStatus::Unconfirmed);
    }
    let repaired = embedded::repair(&counters)?;
    if arguments.json {
        let Repaired { set_aside, saved, before, forgotten_uuids } = &repaired;
        let answer = json!({
            "repaired": true,
            "findings": found.findings,
            "set_aside": set_aside,
            "saved": saved,
            "before": before,
            "forgotten_uuids": forgotten_uuids,
        });
        println!("{answer}");
        return Ok(ExitStatus::Done);
    }
    print_repaired(&repaired);
    Ok(ExitStatus::Done)
}

fn print_repaired(repaired: &Repaired) {
    let Repaired { set_aside, saved, before, forgotten_uuids } = repaired;
    println!("{} saved {}", green("✓"), in_words(saved));
    if let Some(before) = before {
        println!(
            "  Before the damage there were {} counters, {} uuids and {} documents.",
            thousands(before.counters),
            thousands(before.uuids),
            thousands(before.documents)
        );
    }
    if *forgotten_uuids > 0 {
        println!(
            "  {} counted uuids are not remembered. Each counts again when it comes back.",
            thousands(*forgotten_uuids)
        );
    }
    println!("The damaged folder is {}. Remove it when you need it no more.", set_aside.display());
}

fn print_findings(findings: &[Finding]) {
    println!("{}", yellow("damaged:"));
    for finding in findings {
        println!("  {finding}");
    }
}

fn in_words(contents: &Contents) -> String {
    let Contents { experiments, counters, uuids, documents } = contents;
    format!(
        "{} experiments, {} counters, {} uuids and {} documents",
        thousands(*experiments),
        thousands(*counters),
        thousands(*uuids),
        thousands(*documents)
    )
}
