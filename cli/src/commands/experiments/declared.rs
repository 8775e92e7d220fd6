//! Definitions as people write them: in the files of `apply`, and in the editor of `edit`.

use abtest_model::json::{self, JsonError};
use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::client::namespace;

/// What a JSON text of a person says about one definition.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) namespace: String,
    pub(super) name: String,
    /// The members of the definition that the text has.
    pub(super) body: Value,
}

impl Declared {
    /// Reads the JSON of one definition with its `name`, and perhaps its `namespace` and a `$schema`.
    pub(super) fn parse(text: &str, default_namespace: &str) -> Result<Self> {
        let mut body = json::parse(text.as_bytes()).map_err(|error| match error {
            JsonError::Invalid(error) => anyhow!("this is not JSON: {error}"),
            JsonError::Repeated { member } => anyhow!("`{member}` is given twice; keep one"),
        })?;
        let Some(members) = body.as_object_mut() else { bail!("the text must be one JSON object") };
        let mut take = |member: &str| match members.remove(member) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => bail!("`{member}` must be a text"),
        };
        let name = take("name")?.context("`name` is missing; it names the experiment")?;
        let given = take("namespace")?.unwrap_or_else(|| default_namespace.to_owned());
        let namespace = namespace(&given).map_err(|error| anyhow!("`namespace`: {error}"))?;
        take("$schema")?;
        Ok(Self { namespace, name, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_its_experiment_and_perhaps_its_namespace() {
        let one =
            Declared::parse(r#"{"$schema": "x", "name": "a", "traffic": 5}"#, "shop").unwrap();
        assert_eq!((&*one.namespace, &*one.name), ("shop", "a"));
        assert_eq!(one.body, serde_json::json!({"traffic": 5}));
        assert_eq!(
            Declared::parse(r#"{"name": "a", "namespace": "b"}"#, "c").unwrap().namespace,
            "b"
        );
        for wrong in ["{}", "[]", r#"{"name": 1}"#, "{", r#"{"name": "a", "name": "b"}"#] {
            assert!(Declared::parse(wrong, "shop").is_err(), "{wrong}");
        }
    }
}
