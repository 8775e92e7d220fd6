//! `abtest experiments copy`: copies a definition to another namespace.

use abtest_model::definition::MEMBERS;
use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::change::{Change, ChangeArguments, definition, make};
use crate::ExitStatus;
use crate::client::{Client, experiment_name, namespace};
use crate::shell;
use crate::terminal::printable;

/// Copy the definition of an experiment to another namespace, where it starts as a draft. It keeps
/// its layer, if that namespace has one of the same name.
#[derive(Debug, clap::Args)]
pub(super) struct CopyArguments {
    /// Name of the experiment.
    #[arg(value_parser = experiment_name)]
    name: String,
    /// The namespace to copy to.
    #[arg(long, value_parser = namespace)]
    to_namespace: String,
    /// Copy it without its layer.
    #[arg(long)]
    without_layer: bool,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Members that belong to the original: a copy gets its own, and starts when it is started.
const OWN: [&str; 4] = ["id", "salt", "status", "schedule"];

pub(super) fn run(arguments: &CopyArguments) -> Result<ExitStatus> {
    let target = arguments.change.client.server.target()?;
    let from = Client::of(target.clone(), &arguments.change.client.namespace);
    let to = Client::of(target, &arguments.to_namespace);
    let mut body = definition(&from, &arguments.name)?;
    if let Some(members) = body.as_object_mut() {
        let is_copied = |member: &str| MEMBERS.contains(&member) && !OWN.contains(&member);
        members.retain(|member, value| is_copied(member) && !value.is_null());
        if arguments.without_layer {
            members.remove("layer");
        }
    }
    if let Some(layer) = body["layer"].as_str() {
        check_layer(&to, layer, &arguments.to_namespace)?;
    }
    let condition = ("if-none-match", "*".to_owned());
    let experiment = &arguments.name;
    let change = Change { method: "PUT", experiment, body, condition, announced: None };
    make(&to, &arguments.change, change)
}

/// The namespace must have a layer of that name.
fn check_layer(to: &Client, layer: &str, namespace: &str) -> Result<()> {
    let settings = to.get("/settings", &[])?.context("the server has no /settings")?;
    let settings: Value = serde_json::from_str(&settings)?;
    let mut layers = settings["layers"].as_array().into_iter().flatten();
    if layers.any(|one| one["name"] == layer) {
        return Ok(());
    }
    bail!(
        "the namespace {} has no layer `{}`; create it with `abtest layers create {} --namespace {}`, \
         or copy with --without-layer",
        printable(namespace),
        printable(layer),
        shell::word(layer),
        shell::word(namespace)
    )
}
