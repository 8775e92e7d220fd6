//! `abtest configure`: finds, creates, edits and checks the config.

use std::path::{Path, PathBuf};

use abtest_config::{Config, Endpoints};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use crate::config_file::PLACEHOLDER;
use crate::terminal::{ask, green, is_interactive};
use crate::usage::WrongUsage;
use crate::{ExitStatus, config_file, editor, private_file};

/// The text of a new config.
const EXAMPLE: &str = include_str!("../../../config.example.json");

/// What to do without a terminal.
const NO_TERMINAL: &str = "\
without a terminal there is no editor; set values with --set, for example
  abtest configure --set redis.host=my.redis --set aws.region=eu-west-1";

/// Create or change the config: in your editor, or with --set.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest configure                                         opens $VISUAL or $EDITOR
  abtest configure --set redis.host=my.redis --set redis.tls=true
  abtest configure --set redis.password=arn:aws:secretsmanager:…   the secret stays in AWS
  abtest configure --show                                  prints the config with secrets masked

The config is the first of these files that exists: ./config.json, $XDG_CONFIG_HOME/abtest/config.json,
~/.abtest/config.json, and Gimel's ~/.gimel/config.json, which works unchanged.")]
#[command(group(clap::ArgGroup::new("no_editor").multiple(true).args(["sets", "show", "path"])))]
pub(crate) struct Arguments {
    /// The config file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set a value without an editor.
    #[arg(long = "set", value_name = "MEMBER=VALUE")]
    sets: Vec<String>,
    /// Print the config, with secrets masked.
    #[arg(long, conflicts_with = "sets")]
    show: bool,
    /// Print the path of the config.
    #[arg(long, conflicts_with_all = ["sets", "show"])]
    path: bool,
    /// With --path or --set: print the path as JSON. --show prints JSON anyway.
    #[arg(long, requires = "no_editor")]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    let path = match config_file::find(arguments.config.as_deref()) {
        Some(path) => path,
        None => config_file::home()
            .context("there is no home folder for a config; name a file with --config")?,
    };
    if arguments.path {
        match arguments.json {
            true => println!("{}", serde_json::json!({"path": path, "exists": path.exists()})),
            false => println!("{}", path.display()),
        }
    } else if arguments.show {
        show(&path)?;
    } else if arguments.sets.is_empty() {
        if !is_interactive() {
            return Err(WrongUsage::new(NO_TERMINAL).into());
        }
        edit(&path)?;
    } else {
        set_all(&path, &arguments.sets)?;
        match arguments.json {
            true => println!("{}", serde_json::json!({"path": path, "exists": true})),
            false => println!("{} {}", green("✓"), path.display()),
        }
    }
    Ok(ExitStatus::Done)
}

fn show(path: &Path) -> Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("there is no config at {}; `abtest configure` creates one", path.display())
    })?;
    check(&text).with_context(|| format!("the config {} is wrong", path.display()))?;
    let mut config: Value = serde_json::from_str(&text)?;
    mask(&mut config);
    println!("{}", serde_json::to_string_pretty(&config)?);
    Ok(())
}

/// Masks secrets. ARNs stay visible: they are references to secrets.
fn mask(config: &mut Value) {
    for member in ["password", "url"] {
        if let Some(Value::String(secret)) = config["redis"].get_mut(member)
            && !secret.is_empty()
            && !secret.starts_with("arn:")
        {
            *secret = "***".to_owned();
        }
    }
}

fn edit(path: &Path) -> Result<()> {
    if !path.exists() {
        private_file::write(path, EXAMPLE)?;
    }
    loop {
        editor::open(path)
            .context("the config is not edited; --set changes it without an editor")?;
        let text = std::fs::read_to_string(path)?;
        let Err(error) = check(&text).and_then(|()| no_placeholders(&text)) else { break };
        eprintln!("the config {} is wrong: {error:#}", path.display());
        if ask("Edit it again? [Y/n] ")?.to_lowercase().starts_with('n') {
            bail!("the config is still wrong; run `abtest configure` to fix it");
        }
    }
    private_file::protect(path)?;
    println!("{} {} is valid; `abtest preflight` checks that it works", green("✓"), path.display());
    Ok(())
}

fn set_all(path: &Path, sets: &[String]) -> Result<()> {
    let mut config = match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text)
            .with_context(|| format!("the config {} is wrong", path.display()))?,
        Err(_) => blank()?,
    };
    for assignment in sets {
        let (member, value) = assignment.split_once('=').with_context(|| {
            format!("`{assignment}` has no value; write --set redis.host=my.redis")
        })?;
        set(&mut config, member, value)?;
    }
    let text = serde_json::to_string_pretty(&config)? + "\n";
    check(&text)?;
    private_file::write(path, &text)
}

/// The example without its placeholders and its example endpoint.
fn blank() -> Result<Value> {
    let mut config: Value = serde_json::from_str(EXAMPLE)?;
    if let Some(redis) = config["redis"].as_object_mut() {
        redis.retain(|_, value| !value.as_str().is_some_and(|text| text.starts_with(PLACEHOLDER)));
    }
    config["extra_wiring"] = Value::Array(Vec::new());
    Ok(config)
}

/// Sets a member by its path. The value is taken as JSON if the member accepts that, else as text.
fn set(config: &mut Value, member: &str, value: &str) -> Result<()> {
    let parsed = serde_json::from_str::<Value>(value).ok();
    let text = Value::String(value.to_owned());
    let mut problem = None;
    for candidate in parsed.into_iter().chain([text]) {
        let mut changed = config.clone();
        put(&mut changed, member, candidate)?;
        match check(&changed.to_string()) {
            Ok(()) => {
                *config = changed;
                return Ok(());
            }
            Err(error) => problem = problem.or(Some(error)),
        }
    }
    // Line and column refer to a text that the user does not see.
    let problem = problem.map(|error| format!("{error:#}")).unwrap_or_default();
    let problem = problem.split(" at line ").next().unwrap_or_default();
    bail!("cannot set {member}: {problem}")
}

fn put(config: &mut Value, member: &str, value: Value) -> Result<()> {
    let mut place = config;
    for part in member.split('.') {
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(members) = place else {
            bail!("cannot set {member}: the part before the last dot is not an object");
        };
        place = members.entry(part).or_insert(Value::Null);
    }
    *place = value;
    Ok(())
}

/// Checks that the text is a config and that its endpoints fit together.
fn check(text: &str) -> Result<()> {
    let config = Config::read(Some(text), |_| None)?;
    Endpoints::new(&config.name, &config.extra_wiring)?;
    Ok(())
}

fn no_placeholders(text: &str) -> Result<()> {
    let line = text.lines().position(|line| line.contains(PLACEHOLDER));
    match line {
        Some(line) => bail!("line {} still has its placeholder `{PLACEHOLDER}…`", line + 1),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blank_with(sets: &[(&str, &str)]) -> Result<Config> {
        let mut config = blank().unwrap();
        for (member, value) in sets {
            set(&mut config, member, value)?;
        }
        Ok(Config::read(Some(&config.to_string()), |_| None)?)
    }

    #[test]
    fn a_value_gets_the_type_of_its_member() {
        let config = blank_with(&[
            ("redis.host", "127.0.0.1"),
            ("redis.password", "12345"),
            ("redis.tls", "false"),
            ("aws.throttle.rate", "7"),
            ("aws.region", "eu-west-1"),
        ])
        .unwrap();
        assert_eq!(config.store.redis.password.unwrap().expose(), "12345");
        assert!(!config.store.redis.tls);
        assert_eq!(config.aws.throttle.rate, 7);
        assert_eq!(config.aws.region.as_deref(), Some("eu-west-1"));
        assert!(config.extra_wiring.is_empty());
    }

    #[test]
    fn a_wrong_member_or_value_is_named() {
        let error = blank_with(&[("redis.hots", "x")]).unwrap_err().to_string();
        assert!(error.contains("redis.hots") && error.contains("unknown field"), "{error}");
        let error = blank_with(&[("redis.port", "many")]).unwrap_err().to_string();
        assert!(error.contains("redis.port"), "{error}");
    }

    #[test]
    fn secrets_are_masked_and_references_are_shown() {
        let mut config = serde_json::json!({"redis": {"password": "hush", "url": "arn:aws:x"}});
        mask(&mut config);
        assert_eq!(config["redis"]["password"], "***");
        assert_eq!(config["redis"]["url"], "arn:aws:x");
    }

    #[test]
    fn the_example_has_placeholders() {
        assert!(no_placeholders(EXAMPLE).is_err());
        check(EXAMPLE).unwrap();
    }
}
