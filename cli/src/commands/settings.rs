//! `abtest settings`: what a namespace counts, and what its new definitions get.

use abtest_api::settings::NamespaceSettings;
use abtest_model::definition::{Accept, UnitHash};
use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::{Map, Value, json};

use crate::ExitStatus;
use crate::client::{Client, ClientArguments};
use crate::terminal::printable;
use crate::usage::WrongUsage;

/// Show or change the settings of a namespace.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest settings
  abtest settings change --accept declared    refuse events of names that nobody declared
  abtest settings change --defaults '{\"analysis\": {\"minimum_lift\": 0.05}}'

`abtest layers` shows and changes the layers.")]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    show: ShowArguments,
}

#[derive(Debug, Subcommand)]
enum Action {
    Show(ShowArguments),
    Change(ChangeArguments),
}

/// Show the settings.
#[derive(Debug, clap::Args)]
struct ShowArguments {
    #[command(flatten)]
    client: ClientArguments,
    /// Print the settings as JSON.
    #[arg(long)]
    json: bool,
}

/// Change the settings that are given.
#[derive(Debug, clap::Args)]
struct ChangeArguments {
    /// Which events are counted: any, or only those of declared experiments, variants and goals.
    #[arg(long, value_parser = ["any", "declared"])]
    accept: Option<String>,
    /// How units become buckets; growthbook is for GrowthBook's SDKs. Fixed after the first start.
    #[arg(long, value_parser = ["murmur3", "growthbook"])]
    hash: Option<String>,
    /// Members that definitions get if they omit them, as a JSON object. It replaces all defaults.
    #[arg(long, value_name = "JSON", value_parser = object)]
    defaults: Option<Value>,
    #[command(flatten)]
    client: ClientArguments,
    /// The reason, for the history.
    #[arg(long)]
    why: Option<String>,
    /// Print the settings after the change as JSON.
    #[arg(long)]
    json: bool,
}

fn object(text: &str) -> Result<Value, String> {
    let object = serde_json::from_str::<Map<String, Value>>(text);
    object.map(Value::from).map_err(|error| format!("this is not a JSON object: {error}"))
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    match &arguments.action {
        None => show(&arguments.show),
        Some(Action::Show(arguments)) => show(arguments),
        Some(Action::Change(arguments)) => change_some(arguments),
    }
}

fn show(arguments: &ShowArguments) -> Result<ExitStatus> {
    print(&read(&Client::new(&arguments.client)?)?.settings, arguments.json)
}

fn change_some(arguments: &ChangeArguments) -> Result<ExitStatus> {
    let text = |value: &Option<String>| value.clone().map(Value::from);
    let members = [
        ("accept", text(&arguments.accept)),
        ("hash", text(&arguments.hash)),
        ("defaults", arguments.defaults.clone()),
    ];
    let given: Map<String, Value> =
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    if given.is_empty() {
        return Err(WrongUsage::new("give --accept, --hash or --defaults to change it").into());
    }
    let mut body = Value::from(given);
    if let Some(why) = &arguments.why {
        body["why"] = why.as_str().into();
    }
    let client = Client::new(&arguments.client)?;
    let version = read(&client)?.version;
    print(&change(&client, &version, &body)?, arguments.json)
}

fn print(settings: &NamespaceSettings, as_json: bool) -> Result<ExitStatus> {
    if as_json {
        println!("{}", serde_json::to_string_pretty(settings)?);
    } else {
        print!("{}", in_words(settings));
    }
    Ok(ExitStatus::Done)
}

fn in_words(settings: &NamespaceSettings) -> String {
    let accept = match settings.accept {
        Accept::Any => "any: every event counts",
        Accept::Declared => "declared: only declared experiments, variants and goals count",
    };
    let hash = match settings.hash {
        UnitHash::Murmur3 => "murmur3",
        UnitHash::Growthbook => "growthbook",
    };
    let layers: Vec<String> = settings.layers.iter().map(|one| printable(&one.name)).collect();
    let layers = if layers.is_empty() { "no layers".to_owned() } else { layers.join(", ") };
    let defaults = match settings.defaults.is_empty() {
        true => "no defaults".to_owned(),
        false => printable(&json!(settings.defaults).to_string()),
    };
    format!(
        "namespace  {}\naccept     {accept}\nhash       {hash}\ndefaults   {defaults}\nlayers     \
         {layers}\n",
        printable(&settings.namespace)
    )
}

/// The settings of a namespace, with the version that a change must name.
pub(super) struct Known {
    pub(super) settings: NamespaceSettings,
    pub(super) version: String,
}

/// Reads the settings of the client's namespace.
pub(super) fn read(client: &Client) -> Result<Known> {
    let (text, version) = client.get_with_tag("/settings")?.context(TOO_OLD)?;
    let settings = serde_json::from_str(&text).context("the settings are not as expected")?;
    Ok(Known { settings, version })
}

/// Changes settings, if they still have this version.
pub(super) fn change(client: &Client, version: &str, body: &Value) -> Result<NamespaceSettings> {
    let condition = Some(("if-match", version));
    let text = client.change("PATCH", "/settings", &[], condition, body)?.context(TOO_OLD)?;
    serde_json::from_str(&text).context("the settings are not as expected")
}

const TOO_OLD: &str = "this abtest is too old to have settings; update it";
