//! `abtest layers`: the layers of a namespace. Experiments of one layer never share a visitor.

use abtest_api::settings::{LayerSettings, NamespaceSettings};
use abtest_model::definition::NewName;
use anyhow::{Result, bail};
use clap::Subcommand;
use serde_json::json;

use super::settings::{change, read};
use crate::ExitStatus;
use crate::client::{Client, ClientArguments};
use crate::terminal::printable;

/// List, create and delete layers. Experiments of one layer never share a visitor.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest layers                     who holds how much of each layer
  abtest layers create checkout
  abtest experiments create 'button color' --variants control,green --layer checkout --traffic 50%")]
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
    Create(CreateArguments),
    Delete(DeleteArguments),
}

/// List the layers with the experiments that hold a part of them.
#[derive(Debug, clap::Args)]
struct ListArguments {
    #[command(flatten)]
    client: ClientArguments,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

/// Create a layer.
#[derive(Debug, clap::Args)]
struct CreateArguments {
    /// Name of the layer.
    #[arg(value_parser = new_name)]
    name: String,
    /// What the layer is for.
    #[arg(long)]
    description: Option<String>,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Delete a layer that no experiment uses.
#[derive(Debug, clap::Args)]
struct DeleteArguments {
    /// Name of the layer.
    name: String,
    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, clap::Args)]
struct ChangeArguments {
    #[command(flatten)]
    client: ClientArguments,
    /// The reason, for the history.
    #[arg(long)]
    why: Option<String>,
    /// Print the layers after the change as JSON.
    #[arg(long)]
    json: bool,
}

fn new_name(text: &str) -> Result<String, String> {
    text.parse::<NewName>().map(|name| name.to_string()).map_err(|rule| rule.to_string())
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    match &arguments.action {
        None => list(&arguments.list),
        Some(Action::List(arguments)) => list(arguments),
        Some(Action::Create(arguments)) => create(arguments),
        Some(Action::Delete(arguments)) => delete(arguments),
    }
}

fn list(arguments: &ListArguments) -> Result<ExitStatus> {
    let settings = read(&Client::new(&arguments.client)?)?.settings;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&settings.layers)?);
    } else if settings.layers.is_empty() {
        println!(
            "no layers in the namespace {}; `abtest layers create NAME` creates one",
            printable(&settings.namespace)
        );
    } else {
        println!("  free  layer");
        for layer in &settings.layers {
            print!("{}", lines(layer));
        }
    }
    Ok(ExitStatus::Done)
}

/// A layer with the experiments that hold a part of it.
fn lines(layer: &LayerSettings) -> String {
    let description = layer.description.as_deref();
    let description = description.map(|text| format!(": {}", printable(text))).unwrap_or_default();
    let mut lines = format!("{:>5}%  {}{description}\n", layer.free, printable(&layer.name));
    for holder in &layer.holders {
        lines += &format!("          {}% {}\n", holder.traffic, printable(&holder.experiment));
    }
    lines
}

fn create(arguments: &CreateArguments) -> Result<ExitStatus> {
    let CreateArguments { name, description, change } = arguments;
    let shown = printable(name);
    replace(change, |layers| {
        if layers.iter().any(|layer| layer.name == *name) {
            bail!("the layer {shown} exists already; `abtest layers` shows who holds it");
        }
        layers.push(LayerSettings {
            name: name.clone(),
            id: String::new(),
            description: description.clone(),
            free: 100.0,
            holders: Vec::new(),
        });
        Ok(format!("created the layer {shown}"))
    })
}

fn delete(arguments: &DeleteArguments) -> Result<ExitStatus> {
    let DeleteArguments { name, change } = arguments;
    let shown = printable(name);
    replace(change, |layers| {
        let before = layers.len();
        layers.retain(|layer| layer.name != *name && printable(&layer.name) != *name);
        if layers.len() == before {
            bail!("there is no layer `{shown}`; `abtest layers` lists them");
        }
        Ok(format!("deleted the layer {shown}"))
    })
}

/// Replaces the list of layers, unless somebody else changed it meanwhile. `edit` returns what it did.
fn replace(
    arguments: &ChangeArguments,
    edit: impl FnOnce(&mut Vec<LayerSettings>) -> Result<String>,
) -> Result<ExitStatus> {
    let client = Client::new(&arguments.client)?;
    let mut known = read(&client)?;
    let done = edit(&mut known.settings.layers)?;
    let layer = |layer: &LayerSettings| {
        let mut written = json!({"name": layer.name, "description": layer.description});
        if !layer.id.is_empty() {
            written["id"] = layer.id.as_str().into();
        }
        written
    };
    let layers: Vec<_> = known.settings.layers.iter().map(layer).collect();
    let mut body = json!({ "layers": layers });
    if let Some(why) = &arguments.why {
        body["why"] = why.as_str().into();
    }
    let NamespaceSettings { layers, .. } = change(&client, &known.version, &body)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&layers)?);
    } else {
        println!("{done}");
    }
    Ok(ExitStatus::Done)
}
