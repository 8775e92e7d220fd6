//! `abtest experiments prune`: removes variants and goals from an experiment.

use abtest_stats::words::thousands;
use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::counted::counted;
use crate::ExitStatus;
use crate::client::{Client, ClientArguments};
use crate::terminal::{confirm_name, is_interactive, printable};

/// Remove a variant or a goal with all its counts, such as a name that was misspelled or made up.
/// Everything else in the experiment stays.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest experiments prune 'button color' --variant zzz
  abtest experiments prune 'button color' --goal 'sing up'
  abtest experiments prune 'button color' --undeclared    everything that its definition does not have

Invisible characters can be written as this program shows them, such as --variant 'red\\u{200b}'.
Events that arrive later with the name are counted anew. On a terminal it asks for the experiment's
name. Elsewhere it removes nothing without --yes, and exits with 2.")]
pub(super) struct PruneArguments {
    #[command(flatten)]
    client: ClientArguments,
    /// Name of the experiment.
    #[arg(value_name = "NAME")]
    experiment: String,
    #[command(flatten)]
    part: PartArguments,
    /// Remove it without asking.
    #[arg(long)]
    yes: bool,
    /// Print what was removed as JSON. Without --yes: what would be removed.
    #[arg(long)]
    json: bool,
}

/// What to remove.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct PartArguments {
    /// The variant to remove.
    #[arg(long)]
    variant: Option<String>,
    /// The goal to remove; `participate` stands for the participants of all variants.
    #[arg(long)]
    goal: Option<String>,
    /// Remove every variant and goal that was counted and is not in the definition.
    #[arg(long)]
    undeclared: bool,
}

/// A variant or a goal, with what it counted.
struct Part {
    kind: Kind,
    name: String,
    count: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Variant,
    Goal,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Variant => "variant",
            Self::Goal => "goal",
        }
    }

    /// Its name in paths and documents of the API.
    fn plural(self) -> &'static str {
        match self {
            Self::Variant => "variants",
            Self::Goal => "goals",
        }
    }
}

impl Part {
    fn title(&self) -> String {
        format!("the {} {}", self.kind.word(), printable(&self.name))
    }
}

pub(super) fn run(arguments: &PruneArguments) -> Result<ExitStatus> {
    let client = Client::new(&arguments.client)?;
    let shown = printable(&arguments.experiment);
    let experiment = counted(&client, &arguments.experiment)?;
    check_undeclared(&experiment, &arguments.part, &shown)?;
    let parts = match &arguments.part {
        PartArguments { variant: Some(name), .. } => {
            vec![named(&experiment, Kind::Variant, name, &shown)?]
        }
        PartArguments { goal: Some(name), .. } => {
            vec![named(&experiment, Kind::Goal, name, &shown)?]
        }
        _ => undeclared(&experiment, &shown)?,
    };
    if !arguments.yes && arguments.json {
        println!("{}", answer(arguments, &parts, false));
        return Ok(ExitStatus::Unconfirmed);
    }
    if parts.is_empty() && !arguments.json {
        println!("{shown} counted nothing that its definition does not have");
        return Ok(ExitStatus::Done);
    }
    if !arguments.yes && !confirmed(&parts, &shown)? {
        return Ok(ExitStatus::Unconfirmed);
    }
    for part in &parts {
        let was_there = client.prune(&arguments.experiment, part.kind.plural(), &part.name)?;
        // A variant takes its goals with it.
        if !was_there && !arguments.part.undeclared {
            bail!("{} is gone already; somebody else removed it", part.title());
        }
    }
    if arguments.json {
        println!("{}", answer(arguments, &parts, true));
        return Ok(ExitStatus::Done);
    }
    for part in &parts {
        println!("removed {} from {shown}", part.title());
    }
    Ok(ExitStatus::Done)
}

/// What the definition has cannot be removed.
fn check_undeclared(experiment: &Value, part: &PartArguments, shown: &str) -> Result<()> {
    let (kind, asked) = match part {
        PartArguments { variant: Some(name), .. } => (Kind::Variant, name),
        PartArguments { goal: Some(name), .. } => (Kind::Goal, name),
        _ => return Ok(()),
    };
    let declared = experiment["definition"][kind.plural()].as_array().into_iter().flatten();
    let mut names = declared.filter_map(|one| one["name"].as_str());
    if names.any(|name| name == asked || printable(name) == *asked) {
        bail!(
            "the definition of {shown} has the {} {}; only names outside of the definition can be \
             removed, and `--undeclared` finds them",
            kind.word(),
            printable(asked)
        );
    }
    Ok(())
}

/// Shows what is removed, and asks for the experiment's name.
fn confirmed(parts: &[Part], shown: &str) -> Result<bool> {
    println!("This removes from {shown}, with all counts:");
    for part in parts {
        println!("  {} ({} counted)", part.title(), thousands(part.count));
    }
    if !is_interactive() {
        println!("nothing was removed; add --yes to remove it");
        return Ok(false);
    }
    let question = format!("Type the experiment's name ({shown}) to remove it: ");
    confirm_name(&question, shown, "nothing was removed")
}

fn answer(arguments: &PruneArguments, parts: &[Part], pruned: bool) -> Value {
    let mut answer = json!({"experiment": arguments.experiment, "pruned": pruned});
    if arguments.part.undeclared {
        for kind in [Kind::Variant, Kind::Goal] {
            let names = parts.iter().filter(|part| part.kind == kind).map(|part| &*part.name);
            answer[kind.plural()] = names.collect();
        }
    } else if let [part] = parts {
        answer[part.kind.word()] = part.name.as_str().into();
    }
    answer
}

/// The part with this name, written as it is or as this program shows it.
fn named(experiment: &Value, kind: Kind, asked: &str, shown: &str) -> Result<Part> {
    let mut counted = parts(experiment, kind);
    let found = counted.iter().position(|part| part.name == asked);
    let found = found.or_else(|| counted.iter().position(|part| printable(&part.name) == asked));
    let Some(found) = found else {
        let names: Vec<String> = counted.iter().map(|part| printable(&part.name)).collect();
        bail!("{shown} has no {} `{}`; it has {}", kind.word(), printable(asked), names.join(", "));
    };
    Ok(counted.swap_remove(found))
}

/// What was counted and is not in the definition.
fn undeclared(experiment: &Value, shown: &str) -> Result<Vec<Part>> {
    if experiment["definition"].is_null() {
        bail!(
            "{shown} has no definition, so nothing in it is undeclared; name what to remove with \
             --variant or --goal"
        );
    }
    let listed = |kind: Kind| {
        let names = experiment["undeclared"][kind.plural()].as_array().into_iter().flatten();
        let names: Vec<&str> = names.filter_map(Value::as_str).collect();
        let counted = parts(experiment, kind).into_iter();
        counted.filter(move |part| names.contains(&&*part.name))
    };
    Ok(listed(Kind::Variant).chain(listed(Kind::Goal)).collect())
}

/// The variants with their participants, or the goals with their conversions and `participate`.
fn parts(experiment: &Value, kind: Kind) -> Vec<Part> {
    let sum = |list: &Value, member: &str| {
        list.as_array().into_iter().flatten().filter_map(|one| one[member].as_u64()).sum()
    };
    let member = if kind == Kind::Variant { "label" } else { "goal" };
    let part = |one: &Value| {
        let count = match kind {
            Kind::Variant => one["trials"].as_u64().unwrap_or(0),
            Kind::Goal => sum(&one["results"], "successes"),
        };
        Some(Part { kind, name: one[member].as_str()?.to_owned(), count })
    };
    let counted = experiment[kind.plural()].as_array().into_iter().flatten();
    let mut parts: Vec<Part> = counted.filter_map(part).collect();
    if kind == Kind::Goal {
        let count = sum(&experiment["variants"], "trials");
        parts.push(Part { kind, name: "participate".to_owned(), count });
    }
    parts
}
