//! What a query string asks of the counts.

use std::fmt::Display;

use abtest_model::Query;
use abtest_stats::analysis::{Counts, Looks, Method, Settings, analyse};
use abtest_stats::many_comparisons::Correction;
use abtest_stats::{Error, Level};

use crate::problem::Problem;

const CORRECTIONS: [(&str, Correction); 4] = [
    ("holm", Correction::Holm),
    ("bh", Correction::BenjaminiHochberg),
    ("benjamini_hochberg", Correction::BenjaminiHochberg),
    ("none", Correction::None),
];

const METHODS: [(&str, Method); 3] = [
    ("always_valid", Method::AlwaysValid),
    ("sequential", Method::Sequential),
    ("fixed", Method::Fixed),
];

/// Most earlier looks that can be told of.
const LOOKS: usize = 100;

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
        settings.looks = looks(query, settings.method)?;
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

/// The looks, which the sequential method needs and the others cannot use.
fn looks(query: &Query<'_>, method: Method) -> Result<Option<Looks>, Box<Problem>> {
    let (planned, earlier) = (query.get("planned")?, query.get("looks")?);
    if method != Method::Sequential {
        return match (planned, earlier) {
            (None, None) => Ok(None),
            (Some(_), _) => Err(only_sequential("planned")),
            (None, Some(_)) => Err(only_sequential("looks")),
        };
    }
    let planned = planned.ok_or_else(|| {
        let detail = "parameter `planned` is missing: `method=sequential` needs the participants, \
            of all variants together, at which the experiment is planned to end";
        Problem::wrong_parameter("planned", "required", detail)
    })?;
    let planned = count("planned", planned)?;
    let texts = earlier.unwrap_or_default().split(',').filter(|text| !text.is_empty());
    let earlier: Vec<u64> =
        texts.map(|text| count("looks", text)).collect::<Result<_, Box<Problem>>>()?;
    let rises = earlier.windows(2).all(|pair| pair[0] < pair[1]);
    if !rises || earlier.len() > LOOKS || planned == 0 {
        let detail = format!(
            "parameter `looks` takes the participants at each earlier look, at most {LOOKS}, each \
             more than before; parameter `planned` at least 1"
        );
        let wrong = if planned == 0 { "planned" } else { "looks" };
        return Err(Problem::wrong_parameter(wrong, "range", detail));
    }
    Ok(Some(Looks { planned, earlier }))
}

fn only_sequential(parameter: &'static str) -> Box<Problem> {
    let detail = format!("parameter `{parameter}` goes with `method=sequential` only");
    Problem::wrong_parameter(parameter, "needs-method", detail)
}

fn count(parameter: &'static str, text: &str) -> Result<u64, Box<Problem>> {
    text.parse().map_err(|_| {
        let detail = format!("parameter `{parameter}` takes whole numbers, such as 10000");
        Problem::wrong_parameter(parameter, "number", detail)
    })
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
