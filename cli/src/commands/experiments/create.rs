//! `abtest experiments create`: writes the first definition of an experiment.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::change::{Change, ChangeArguments, make};
use super::counted::counted;
use super::lifecycle::{pairs, percent, variant};
use crate::ExitStatus;
use crate::client::{Client, experiment_name};
use crate::terminal::printable;
use crate::usage::WrongUsage;

/// Create the definition of an experiment, as a draft unless --status says otherwise.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest experiments create 'button color' --variants control,green --goal purchase --traffic 10%
  abtest experiments create --from 'button color' --status running

--from takes the variants and goals that were counted. The counts stay.")]
pub(super) struct CreateArguments {
    /// Name of the experiment [default: the name after --from].
    #[arg(required_unless_present = "from", value_parser = experiment_name)]
    name: Option<String>,
    /// The variants, with commas between; the first one is the control.
    #[arg(long, value_delimiter = ',', required_unless_present = "from", value_parser = variant)]
    variants: Vec<String>,
    /// Take the variants and goals of an experiment that already counts.
    #[arg(long, value_name = "NAME", value_parser = experiment_name)]
    from: Option<String>,
    /// A goal. The first one is the primary goal, which decides.
    #[arg(long = "goal", value_name = "GOAL")]
    goals: Vec<String>,
    /// Share of all visitors who take part: 10%, or 0.1. A plain 10 is refused [default: 100%].
    #[arg(long, value_parser = percent)]
    traffic: Option<f64>,
    /// Weights of the variants, such as control=20,green=80 [default: equal].
    #[arg(long, value_name = "VARIANT=WEIGHT,…", value_parser = pairs)]
    weights: Option<Value>,
    /// The layer whose experiments share no visitors.
    #[arg(long)]
    layer: Option<String>,
    /// What the experiment is about.
    #[arg(long)]
    description: Option<String>,
    /// The status to start in.
    #[arg(long, default_value = "draft", value_parser = ["draft", "running"])]
    status: String,
    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) fn run(arguments: &CreateArguments) -> Result<ExitStatus> {
    let client = Client::new(&arguments.change.client)?;
    let name = arguments.name.as_ref().or(arguments.from.as_ref());
    let name = name.ok_or_else(|| WrongUsage::new("name the experiment to create"))?;
    let (mut variants, mut goals) = (arguments.variants.clone(), arguments.goals.clone());
    if let Some(from) = &arguments.from {
        let counted = counted(&client, from)?;
        if variants.is_empty() {
            variants = names(&counted["variants"], "label");
        }
        let others = names(&counted["goals"], "goal");
        goals.extend(others.into_iter().filter(|goal| !arguments.goals.contains(goal)));
        if variants.is_empty() {
            bail!("{} has no variants yet; give --variants", printable(from));
        }
    }
    let named = |names: &[String]| -> Vec<Value> {
        names.iter().map(|name| json!({ "name": name })).collect()
    };
    let mut body = json!({"status": arguments.status, "variants": named(&variants)});
    let mut goals = named(&goals);
    if let Some(first) = goals.first_mut() {
        first["role"] = "primary".into();
        body["goals"] = goals.into();
    }
    let optional = [
        ("traffic", arguments.traffic.map(Value::from)),
        ("weights", arguments.weights.clone()),
        ("layer", arguments.layer.clone().map(Value::from)),
        ("description", arguments.description.clone().map(Value::from)),
    ];
    for (member, value) in optional {
        if let Some(value) = value {
            body[member] = value;
        }
    }
    let condition = ("if-none-match", "*".to_owned());
    let change = Change { method: "PUT", experiment: name, body, condition, announced: None };
    make(&client, &arguments.change, change)
}

fn names(list: &Value, member: &str) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|one| one[member].as_str()).map(str::to_owned).collect()
}
