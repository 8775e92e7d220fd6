//! The settings of a namespace.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::change::MAX_WHY_BYTES;
use super::read::SERVER_OWNED;
use super::rule::{Reader, Violation, Violations, at};
use super::{Definition, Generated, NewName, Seed, UnitHash};

/// The settings of a namespace, as they are stored. Layers are documents of their own.
///
/// Unknown members are errors, so that an older version never drops what a newer one stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How units become buckets. Fixed after the first start of an experiment.
    #[serde(default)]
    pub hash: UnitHash,
    /// Which events are counted.
    #[serde(default)]
    pub accept: Accept,
    /// Members that definitions get if they omit them.
    #[serde(default)]
    pub defaults: Map<String, Value>,
}

/// Which events of a namespace are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Accept {
    /// All of them.
    #[default]
    Any,
    /// Only events of defined experiments, with declared variants and goals.
    Declared,
}

/// Most layers of a namespace.
pub const MAX_LAYERS: usize = 100;
/// Longest description of a layer, in bytes.
const MAX_LAYER_DESCRIPTION_BYTES: usize = 2_000;
/// Members of a definition that cannot have a default in the settings: they belong to one
/// experiment.
const WITHOUT_DEFAULT: [&str; 10] = [
    "status",
    "variants",
    "weights",
    "control",
    "fallback",
    "overrides",
    "bandit",
    "schedule",
    "id",
    "salt",
];

/// A change of a namespace's settings: what PATCH takes. A given member replaces that member as a
/// whole, and null restores its default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SettingsPatch {
    /// How units become buckets.
    pub hash: Option<UnitHash>,
    /// Which events are counted.
    pub accept: Option<Accept>,
    /// All layers of the namespace.
    pub layers: Option<Vec<LayerPatch>>,
    /// Members that definitions get if they omit them.
    pub defaults: Option<Map<String, Value>>,
    /// The reason, for the history.
    pub why: Option<String>,
}

/// A layer in a [`SettingsPatch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerPatch {
    /// Its name.
    pub name: NewName,
    /// The seed of its ring. Default: what the layer has, or a generated one.
    pub id: Option<Seed>,
    /// What it is for.
    pub description: Option<String>,
}

impl SettingsPatch {
    /// Reads the body of a PATCH.
    ///
    /// # Errors
    /// Every rule that it breaks, each with its member and value.
    pub fn parse(body: &Value) -> Result<Self, Violations> {
        let mut reader = Reader::default();
        let patch = read(&mut reader, body).unwrap_or_default();
        reader.finish(patch)
    }
}

fn read(reader: &mut Reader, body: &Value) -> Option<SettingsPatch> {
    const KNOWN: [&str; 6] = ["namespace", "hash", "accept", "layers", "defaults", "why"];
    let members = reader.members("", body, &KNOWN)?;
    // Null restores the default, so it is not the same as an absent member.
    let is_null = |member: &str| body.get(member).is_some_and(Value::is_null);
    let hash = match members.get("hash") {
        Some((path, value)) => reader.choice(&path, value, &["murmur3", "growthbook"]),
        None => is_null("hash").then(UnitHash::default),
    };
    let accept = match members.get("accept") {
        Some((path, value)) => reader.choice(&path, value, &["any", "declared"]),
        None => is_null("accept").then(Accept::default),
    };
    let layers = match members.get("layers") {
        Some((path, value)) => Some(read_layers(reader, &path, value)),
        None => is_null("layers").then(Vec::new),
    };
    let defaults = match members.get("defaults") {
        Some((path, value)) => read_defaults(reader, &path, value),
        None => is_null("defaults").then(Map::new),
    };
    let why = members.get("why").and_then(|(path, value)| reader.text(&path, value, MAX_WHY_BYTES));
    Some(SettingsPatch { hash, accept, layers, defaults, why })
}

fn read_layers(reader: &mut Reader, path: &str, value: &Value) -> Vec<LayerPatch> {
    let mut layers: Vec<LayerPatch> = Vec::new();
    for (path, value) in reader.elements(path, value, MAX_LAYERS) {
        // `free` and `holders` are what GET shows besides.
        let known = ["name", "id", "description", "free", "holders"];
        let Some(members) = reader.members(&path, value, &known) else { continue };
        let name = match members.get("name") {
            Some((path, value)) => reader.parsed(&path, value, str::parse::<NewName>),
            None => {
                reader.refuse(&at(&path, "name"), &Value::Null, "is required");
                None
            }
        };
        let id =
            members.get("id").and_then(|(path, value)| reader.parsed(&path, value, str::parse));
        let description = members
            .get("description")
            .and_then(|(path, value)| reader.text(&path, value, MAX_LAYER_DESCRIPTION_BYTES));
        let Some(name) = name else { continue };
        if layers.iter().any(|layer| layer.name == name) {
            reader.refuse(&at(&path, "name"), &Value::from(name.as_str()), "must be unique");
        }
        layers.push(LayerPatch { name, id, description });
    }
    layers
}

/// Defaults keep the rules that they will keep in a definition.
fn read_defaults(reader: &mut Reader, path: &str, value: &Value) -> Option<Map<String, Value>> {
    let members = reader.open_object(path, value)?;
    let mut defaults = Map::new();
    for (member, path, value) in members.entries() {
        if WITHOUT_DEFAULT.contains(&member.as_str()) || SERVER_OWNED.contains(&member.as_str()) {
            reader.refuse(&path, value, "cannot have a default: it belongs to one experiment");
        } else {
            defaults.insert(member.clone(), value.clone());
        }
    }
    let mut sample = defaults.clone();
    sample.insert("variants".to_owned(), json!([{"name": "a"}]));
    let generated = Generated { id: Seed::generated(1), salt: Seed::generated(2) };
    if let Err(violations) = Definition::parse(&Value::Object(sample), Some(&generated)) {
        for violation in violations.0 {
            reader.note(Violation { member: format!("{path}.{}", violation.member), ..violation });
        }
    }
    Some(defaults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(body: &Value) -> Vec<String> {
        let violations = SettingsPatch::parse(body).unwrap_err().0;
        violations.into_iter().map(|violation| violation.member).collect()
    }

    #[test]
    fn a_patch_has_only_what_is_given_and_null_restores_defaults() {
        assert_eq!(SettingsPatch::parse(&json!({})), Ok(SettingsPatch::default()));
        let all = json!({"hash": null, "accept": "declared", "layers": null, "defaults": null});
        let patch = SettingsPatch::parse(&all).unwrap();
        assert_eq!(patch.hash, Some(UnitHash::Murmur3));
        assert_eq!(patch.accept, Some(Accept::Declared));
        assert_eq!((patch.layers, patch.defaults), (Some(Vec::new()), Some(Map::new())));
    }

    #[test]
    fn each_broken_rule_is_named() {
        assert_eq!(broken(&json!([])), [""]);
        assert_eq!(
            broken(&json!({"hash": "md5", "accept": true, "x": 1})),
            ["x", "hash", "accept"]
        );
        let layers =
            json!([{"name": "a"}, {"name": "a"}, {"name": "a/b"}, {}, {"name": "b", "id": " "}]);
        assert_eq!(
            broken(&json!({"layers": layers})),
            ["layers[1].name", "layers[2].name", "layers[3].name", "layers[4].id"]
        );
        let defaults = json!({"salt": "x", "traffic": 101, "analysis": {"level": 2}, "colour": 1});
        assert_eq!(
            broken(&json!({"defaults": defaults})),
            ["defaults.salt", "defaults.colour", "defaults.traffic", "defaults.analysis.level"]
        );
    }
}
