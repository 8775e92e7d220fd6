//! What a query string asks of the counts.

use std::fmt::Display;

use abtest_model::Query;
use abtest_stats::analysis::{Counts, Method, Settings, analyse};
use abtest_stats::many_comparisons::Correction;
use abtest_stats::{Error, Level};

use crate::problem::Problem;

const CORRECTIONS: [(&str, Correction); 4] = [
    ("holm", Correction::Holm),
    ("bh", Correction::BenjaminiHochberg),
    ("benjamini_hochberg", Correction::BenjaminiHochberg),
    ("none", Correction::None),
];

const METHODS: [(&str, Method); 2] =
    [("always_valid", Method::AlwaysValid), ("fixed", Method::Fixed)];

/// Settings that make sense for some experiment.
pub(super) struct Question {
    pub(super) settings: Settings,
}

impl Question {
    /// The question, or none with `analysis=none`.
    pub(super) fn from_query(query: &Query<'_>) -> Result<Option<Self>, Box<Problem>> {
        if one_of(query, "analysis", &[("none", ())])?.is_some() {
            return Ok(None);
        }
        let mut settings = Settings {
            control: query.get("control")?.map(str::to_owned),
            primary_goal: query.get("goal")?.map(str::to_owned),
            ..Settings::default()
        };
        if let Some(level) = number(query, "level")? {
            settings.level = Level::new(level).map_err(|error| refused(&error))?;
        }
        if let Some(lift) = number(query, "minimum_lift")? {
            settings.minimum_lift = lift;
        }
        if let Some(power) = number(query, "power")? {
            settings.power = power;
        }
        if let Some(correction) = one_of(query, "correction", &CORRECTIONS)? {
            settings.correction = correction;
        }
        if let Some(method) = one_of(query, "method", &METHODS)? {
            settings.method = method;
        }
        let numbers_only = Settings { control: None, primary_goal: None, ..settings.clone() };
        analyse(&Counts::default(), &numbers_only).map_err(|error| refused(&error))?;
        Ok(Some(Self { settings }))
    }
}

/// The problem with a number that the statistics refuse.
pub(super) fn refused(error: &Error) -> Box<Problem> {
    match error {
        Error::OutOfRange { name, .. } => {
            Problem::wrong_parameter(name, "range", format!("parameter {error}"))
        }
        other => Problem::wrong_parameter("analysis", "range", other.to_string()),
    }
}

fn number(query: &Query<'_>, parameter: &'static str) -> Result<Option<f64>, Box<Problem>> {
    let Some(text) = query.get(parameter)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        let detail = format!("parameter `{parameter}` is no number; write it as 0.95");
        Problem::wrong_parameter(parameter, "number", detail)
    })
}

fn one_of<T: Copy>(
    query: &Query<'_>,
    parameter: &'static str,
    known: &[(&str, T)],
) -> Result<Option<T>, Box<Problem>> {
    let Some(text) = query.get(parameter)? else { return Ok(None) };
    let found = known.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| Some(*value)).ok_or_else(|| {
        let names = list(known.iter().map(|(name, _)| name));
        let detail = format!("parameter `{parameter}` is not known; it can be {names}");
        Problem::wrong_parameter(parameter, "one-of", detail)
    })
}

fn list(names: impl Iterator<Item = impl Display>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
