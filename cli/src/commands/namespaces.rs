//! `abtest namespaces`: the namespaces of a running abtest.

use abtest_api::{ListedNamespace, NamespaceDeletion, NamespaceList};
use abtest_stats::words::thousands;
use anyhow::{Context, Result, bail};
use clap::Subcommand;

use crate::ExitStatus;
use crate::client::{Client, ServerArguments, segment};
use crate::terminal::{confirm_name, is_interactive, printable};

/// List the namespaces of a running abtest, or delete one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest namespaces                    what strangers made up has few counters and no definitions
  abtest namespaces delete \"' OR 1=1\"

Events create namespaces, so anybody can. `limits.namespaces` and `limits.namespaces_per_hour` bound them.")]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: ListArguments,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(ListArguments),
    Delete(DeleteArguments),
}

/// List the namespaces with their experiments and counters.
#[derive(Debug, clap::Args)]
struct ListArguments {
    #[command(flatten)]
    server: ServerArguments,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

/// Delete a namespace with all experiments, counts, layers and settings.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A namespace with an experiment that is running, paused or completed is not deleted: stop and archive it
first. On a terminal it asks for the namespace's name. Elsewhere it deletes nothing without --yes, and
exits with 2.")]
struct DeleteArguments {
    #[command(flatten)]
    server: ServerArguments,
    /// Name of the namespace.
    #[arg(value_name = "NAMESPACE")]
    namespace: String,
    /// Delete it without asking.
    #[arg(long)]
    yes: bool,
    /// Print what was deleted as JSON.
    #[arg(long, requires = "yes")]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    match &arguments.action {
        None => list(&arguments.list),
        Some(Action::List(arguments)) => list(arguments),
        Some(Action::Delete(arguments)) => delete(arguments),
    }
}

fn list(arguments: &ListArguments) -> Result<ExitStatus> {
    let namespaces = namespaces(&Client::of_all_namespaces(&arguments.server)?)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&namespaces)?);
        return Ok(ExitStatus::Done);
    }
    if namespaces.is_empty() {
        println!("no namespaces: nothing was counted or defined");
        return Ok(ExitStatus::Done);
    }
    println!("experiments  defined  counters  namespace");
    for one in &namespaces {
        println!(
            "{:>11}  {:>7}  {:>8}  {}",
            one.experiments,
            one.defined,
            one.counters,
            printable(&one.namespace)
        );
    }
    Ok(ExitStatus::Done)
}

fn namespaces(client: &Client) -> Result<Vec<ListedNamespace>> {
    let text = client.get("/namespaces", &[])?;
    let text = text.context("this abtest is too old to list namespaces; update it")?;
    let list: NamespaceList =
        serde_json::from_str(&text).context("the answer is not a list of namespaces")?;
    Ok(list.namespaces)
}

fn delete(arguments: &DeleteArguments) -> Result<ExitStatus> {
    let client = Client::of_all_namespaces(&arguments.server)?;
    let all = namespaces(&client)?;
    let asked = &arguments.namespace;
    let chosen = all.iter().find(|one| one.namespace == *asked);
    let chosen = chosen.or_else(|| all.iter().find(|one| printable(&one.namespace) == *asked));
    let Some(chosen) = chosen else {
        bail!("there is no namespace `{}`; `abtest namespaces` lists them", printable(asked));
    };
    let shown = printable(&chosen.namespace);
    if !arguments.yes {
        if !is_interactive() {
            println!("nothing was deleted; add --yes to delete the namespace {shown}");
            return Ok(ExitStatus::Unconfirmed);
        }
        println!(
            "This deletes the namespace {shown}, with {} and {} counters. It cannot be undone.",
            experiments(chosen.experiments),
            thousands(chosen.counters)
        );
        let question = format!("Type the namespace's name ({shown}) to delete it: ");
        if !confirm_name(&question, &shown, "nothing was deleted")? {
            return Ok(ExitStatus::Unconfirmed);
        }
    }
    let path = format!("/namespaces/{}", segment(&chosen.namespace));
    let mut deleted = 0;
    loop {
        let text = client.call("DELETE", &path, &[])?;
        let text = text.context("it is gone already; somebody else deleted it")?;
        let part: NamespaceDeletion = serde_json::from_str(&text)?;
        deleted += part.deleted;
        if part.finished {
            break;
        }
        if part.deleted == 0 {
            bail!("nothing more could be deleted; run the same command again");
        }
    }
    if arguments.json {
        let namespace = &chosen.namespace;
        println!("{}", serde_json::json!({"namespace": namespace, "experiments": deleted}));
    } else {
        println!("deleted the namespace {shown} with {}", experiments(deleted));
    }
    Ok(ExitStatus::Done)
}

fn experiments(count: u64) -> String {
    if count == 1 { "1 experiment".to_owned() } else { format!("{} experiments", thousands(count)) }
}
