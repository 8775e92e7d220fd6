//! `abtest experiments show`: the definition of an experiment.

use abtest_model::definition::MEMBERS;
use anyhow::Result;
use serde_json::Value;

use super::change::definition;
use super::values::{text, title};
use crate::ExitStatus;
use crate::client::{Client, ClientArguments, experiment_name};
use crate::terminal::{size, wrap};

/// Show the definition of an experiment.
#[derive(Debug, clap::Args)]
pub(super) struct ShowArguments {
    /// Name of the experiment.
    #[arg(value_parser = experiment_name)]
    name: String,
    #[command(flatten)]
    client: ClientArguments,
    /// Print the document as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &ShowArguments) -> Result<ExitStatus> {
    let definition = definition(&Client::new(&arguments.client)?, &arguments.name)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&definition)?);
    } else {
        print!("{}", in_words(&definition, size().0));
    }
    Ok(ExitStatus::Done)
}

/// A line per member that has a value: first what an operator writes, then what the server adds.
fn in_words(definition: &Value, width: usize) -> String {
    const NAMES: usize = 20;
    let mut lines = String::new();
    let others = definition.as_object().into_iter().flatten().map(|(member, _)| member.as_str());
    let others = others.filter(|member| !MEMBERS.contains(member));
    for member in MEMBERS.into_iter().chain(others) {
        let Some(text) = text(member, &definition[member]) else { continue };
        let mut name = title(member);
        for line in wrap(&text, width.saturating_sub(NAMES).max(20)) {
            lines += &format!("{name:NAMES$}{line}\n");
            name.clear();
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_come_in_the_order_of_a_definition_and_fit_the_screen() {
        let definition = json!({"version": 3, "status": "draft", "layer": null,
            "description": "Does a green button sell more than a blue one?"});
        let expected = "description         Does a green button\n\
                        \x20                   sell more than a\n\
                        \x20                   blue one?\n\
                        status              draft\n\
                        version             3\n";
        assert_eq!(in_words(&definition, 40), expected);
    }
}
