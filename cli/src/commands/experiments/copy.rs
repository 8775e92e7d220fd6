//! `abtest experiments copy`: copies a definition to another namespace.

use anyhow::Result;

use super::change::{Change, ChangeArguments, definition, make};
use crate::ExitStatus;
use crate::client::{Client, namespace};

/// Copy the definition of an experiment to another namespace, where it starts as a draft.
#[derive(Debug, clap::Args)]
pub(super) struct CopyArguments {
    /// Name of the experiment.
    name: String,
    /// The namespace to copy to.
    #[arg(long, value_parser = namespace)]
    to_namespace: String,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Members that belong to the original: the server makes new ones.
const OWN: [&str; 12] = [
    "id",
    "salt",
    "status",
    "winner",
    "version",
    "slots",
    "allocation",
    "created",
    "updated",
    "decision",
    "disturbances",
    "schedule",
];

pub(super) fn run(arguments: &CopyArguments) -> Result<ExitStatus> {
    let target = arguments.change.client.server.target()?;
    let from = Client::of(target.clone(), &arguments.change.client.namespace);
    let mut body = definition(&from, &arguments.name)?;
    if let Some(members) = body.as_object_mut() {
        members.retain(|member, value| !OWN.contains(&member.as_str()) && !value.is_null());
    }
    let condition = ("if-none-match", "*".to_owned());
    let experiment = &arguments.name;
    let change = Change { method: "PUT", experiment, body, condition, announced: None };
    make(&Client::of(target, &arguments.to_namespace), &arguments.change, change)
}
