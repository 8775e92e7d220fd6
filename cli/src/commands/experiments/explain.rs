//! `abtest experiments explain`: why a unit gets what it gets.

use abtest_api::Explanation;
use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::ExitStatus;
use crate::client::{Client, ClientArguments, experiment_name, path_of};
use crate::terminal::{bold, printable, size, wrap};

/// Explain which variant a unit gets: each step with its buckets, and what would have to change for
/// the unit to take part.
#[derive(Debug, clap::Args)]
pub(super) struct ExplainArguments {
    /// Name of the experiment.
    #[arg(value_parser = experiment_name)]
    name: String,
    /// The unit, as in the uuid of events.
    #[arg(long)]
    unit: String,
    /// An attribute of the unit, such as country=DE, age=30 or bot=true. Quote a text that looks like a
    /// number: zip='"10115"'.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(String, Value)>,
    /// The variant that a client remembers for the unit.
    #[arg(long, requires = "allocation")]
    variant: Option<String>,
    /// The allocation that a client remembers for the unit.
    #[arg(long, value_name = "NUMBER", requires = "variant")]
    allocation: Option<u64>,
    #[command(flatten)]
    client: ClientArguments,
    /// Print the explanation as JSON.
    #[arg(long)]
    json: bool,
}

/// Reads an attribute. A value that is JSON keeps its type; any other is a text.
fn attribute(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, such as country=DE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}

pub(super) fn run(arguments: &ExplainArguments) -> Result<ExitStatus> {
    let client = Client::new(&arguments.client)?;
    let attributes: Map<String, Value> = arguments.attributes.iter().cloned().collect();
    let mut parameters = vec![("unit", arguments.unit.clone())];
    if !attributes.is_empty() {
        parameters.push(("attributes", Value::from(attributes).to_string()));
    }
    if let (Some(variant), Some(allocation)) = (&arguments.variant, arguments.allocation) {
        parameters.push(("variant", variant.clone()));
        parameters.push(("allocation", allocation.to_string()));
    }
    let text = client.get(&(path_of(&arguments.name) + "/explain"), &parameters)?;
    let text = text.with_context(|| {
        format!("the experiment `{}` has no definition", printable(&arguments.name))
    })?;
    let explanation: Explanation =
        serde_json::from_str(&text).context("the explanation is not as expected")?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&explanation)?);
    } else {
        print!("{}", in_words(&explanation, size().0));
    }
    Ok(ExitStatus::Done)
}

/// The answer, its steps, and what would have to change.
fn in_words(explanation: &Explanation, width: usize) -> String {
    let variant = match &explanation.variant {
        Some(variant) => printable(variant),
        None => "the caller's default".to_owned(),
    };
    let counts = if explanation.exposure { "counts as an exposure" } else { "is not an exposure" };
    let reason = explanation.reason.as_str();
    let mut text = format!("{} (reason: {reason}; {counts})\n", bold(&variant));
    for step in &explanation.steps {
        text += &format!("  {:10} {}\n", step.step.as_str(), printable(&step.finding));
    }
    if let Some(change) = &explanation.to_include {
        let change = printable(&format!("For the unit to take part: {change}"));
        text += &wrap(&change, width).join("\n");
        text += "\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_attribute_keeps_the_type_of_its_value() {
        let value = |text: &str| attribute(text).unwrap().1;
        assert_eq!(value("country=DE"), json!("DE"));
        assert_eq!(value("age=30"), json!(30));
        assert_eq!(value("bot=true"), json!(true));
        assert_eq!(value("zip=\"10115\""), json!("10115"));
        assert_eq!(value("zip=01067"), json!("01067"));
        assert_eq!(value("query=a=b"), json!("a=b"));
        assert!(attribute("country").is_err());
    }
}
