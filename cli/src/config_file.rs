//! Finds and reads the config file.

use std::path::{Path, PathBuf};

use abtest_config::Config;
use anyhow::{Context, Result};

/// Reads the config from the given file, else from the first candidate that exists. Environment
/// variables override the file.
pub(crate) fn read(given: Option<&Path>) -> Result<Config> {
    let path = find(given);
    let text = match &path {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the config {}", path.display()))?,
        ),
        None => None,
    };
    let variables = |name: &str| std::env::var(name).ok();
    Config::read(text.as_deref(), variables).with_context(|| match &path {
        Some(path) => format!("the config {} is wrong", path.display()),
        None => "the configuration is wrong".to_owned(),
    })
}

/// The file to read: the given one, else the first candidate that exists.
pub(crate) fn find(given: Option<&Path>) -> Option<PathBuf> {
    match given {
        Some(path) => Some(path.to_owned()),
        None => candidates(|name| std::env::var(name).ok()).into_iter().find(|path| path.exists()),
    }
}

/// The file for a new config.
pub(crate) fn home() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from);
    folder("XDG_CONFIG_HOME")
        .map(|folder| folder.join("abtest/config.json"))
        .or_else(|| folder("HOME").map(|home| home.join(".abtest/config.json")))
}

/// How the example config asks for a value that only its user knows.
pub(crate) const PLACEHOLDER: &str = "ENTER YOUR ";

/// The members of a config that still hold the example's placeholder: `redis.host`. A member that
/// an environment variable overrides is not reported.
#[cfg(feature = "deploy")]
pub(crate) fn placeholders(text: &str) -> Vec<String> {
    use serde_json::Value;
    fn collect(value: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            Value::String(text) if text.contains(PLACEHOLDER) => found.push(path.to_owned()),
            Value::Object(members) => {
                for (name, member) in members {
                    let dot = if path.is_empty() { "" } else { "." };
                    collect(member, &format!("{path}{dot}{name}"), found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(&serde_json::from_str(text).unwrap_or_default(), "", &mut found);
    let variable = |member: &String| format!("ABTEST_{}", member.replace('.', "_").to_uppercase());
    found.retain(|member| std::env::var_os(variable(member)).is_none());
    found
}

fn candidates(variable: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let home = variable("HOME").map(PathBuf::from);
    let mut candidates = vec![PathBuf::from("config.json")];
    candidates.extend(
        variable("XDG_CONFIG_HOME").map(|folder| Path::new(&folder).join("abtest/config.json")),
    );
    candidates.extend(home.iter().map(|home| home.join(".abtest/config.json")));
    candidates.extend(home.iter().map(|home| home.join(".gimel/config.json")));
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;
    use abtest_config::{Limits, RedisConfig};

    #[test]
    fn the_candidates_are_here_then_at_home_then_gimels() {
        let found = candidates(|name| match name {
            "HOME" => Some("/home/me".into()),
            "XDG_CONFIG_HOME" => Some("/home/me/.config".into()),
            _ => None,
        });
        let expected = [
            "config.json",
            "/home/me/.config/abtest/config.json",
            "/home/me/.abtest/config.json",
            "/home/me/.gimel/config.json",
        ];
        assert_eq!(found, expected.map(PathBuf::from));
    }

    #[cfg(feature = "deploy")]
    #[test]
    fn the_members_to_fill_in_are_named() {
        let example = include_str!("../../config.example.json");
        assert_eq!(placeholders(example), ["redis.host", "redis.password"]);
        assert!(placeholders(r#"{"redis": {"host": "my.redis"}}"#).is_empty());
        assert!(placeholders("not JSON").is_empty());
    }

    #[test]
    fn the_example_is_a_config_and_shows_the_defaults() {
        let example = include_str!("../../config.example.json");
        let config = Config::read(Some(example), |_| None).unwrap();
        assert_eq!(config.store.limits, Limits::default());
        assert_eq!(config.name, Config::default().name);
        assert_eq!(config.aws, Config::default().aws);
        assert_eq!(
            config.store.redis.response_timeout(),
            RedisConfig::default().response_timeout()
        );
        assert_eq!(config.store.redis.connect_timeout(), RedisConfig::default().connect_timeout());
        assert_eq!(config.store.redis.port, RedisConfig::default().port);
        assert_eq!(config.extra_wiring, Config::default().extra_wiring);
    }
}
