//! Serde helpers: whole numbers without a decimal point, and names through their rule.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Number;

use crate::name::{Goal, Variant};

/// Largest whole number that a double holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A number as JavaScript prints it: 50, not 50.0.
pub(super) fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Plain(*value).serialize(serializer)
}

/// An optional [`number`].
pub(super) fn option<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(Plain).serialize(serializer)
}

/// A map to [`number`]s.
pub(super) fn map<S: Serializer>(
    values: &BTreeMap<Variant, f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(values.iter().map(|(name, value)| (name, Plain(*value))))
}

/// A variant's name, checked.
pub(super) fn read_variant<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Variant, D::Error> {
    let text = String::deserialize(deserializer)?;
    Variant::new(text).map_err(de::Error::custom)
}

/// An optional variant's name, checked.
pub(super) fn read_optional_variant<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Variant>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(Variant::new).transpose().map_err(de::Error::custom)
}

/// A map whose keys are variants' names, checked.
pub(super) fn read_by_variant<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Variant, T>, D::Error> {
    let texts = BTreeMap::<String, T>::deserialize(deserializer)?;
    let checked = texts.into_iter().map(|(name, value)| Ok((Variant::new(name)?, value)));
    checked.collect::<Result<_, crate::InputError>>().map_err(de::Error::custom)
}

struct Plain(f64);

impl Serialize for Plain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.0;
        if value.fract() == 0.0 && value.abs() < EXACT {
            Number::from(value as i64).serialize(serializer)
        } else {
            serializer.serialize_f64(value)
        }
    }
}

/// Names of goals, checked.
pub(super) fn read_goals<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Goal>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.into_iter().map(|text| Goal::new(text).map_err(de::Error::custom)).collect()
}
