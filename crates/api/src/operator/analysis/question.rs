//! What a query string asks of the counts.

use std::fmt::Display;

use abtest_model::{Percentage, Query};
use abtest_stats::analysis::{Counts, EarlierLook, Looks, Method, Settings, analyse};
use abtest_stats::many_comparisons::Correction;
use abtest_stats::{Error, Level};

use crate::http::problem::Problem;

const CORRECTIONS: [(&str, Correction); 4] = [
    ("bonferroni", Correction::Bonferroni),
    ("bh", Correction::BenjaminiHochberg),
    ("benjamini_hochberg", Correction::BenjaminiHochberg),
    ("none", Correction::None),
];

const METHODS: [(&str, Method); 3] = [
    ("always_valid", Method::AlwaysValid),
    ("sequential", Method::Sequential),
    ("fixed", Method::Fixed),
];

/// Most looks that can be told of, or remembered.
pub(super) const LOOKS: usize = 100;

/// Settings that make sense for some experiment.
pub(crate) struct Question {
    /// With the looks that were told of, if any were.
    pub(super) settings: Settings,
    /// For a look that is taken: participants at which the experiment is to end, if that was said.
    pub(super) planned: Option<u64>,
    /// Whether to tell how the estimates came to be.
    pub(super) history: bool,
}

impl Question {
    /// The question of someone who reads, as often as they like; `None` with `analysis=none`.
    pub(crate) fn to_read(query: &Query<'_>) -> Result<Option<Self>, Box<Problem>> {
        let method = one_of(query, "method", &METHODS)?;
        let earlier = query.get("looks")?.map(earlier).transpose()?;
        let mut question = Self::from_query(query)?;
        question.settings.method = method.unwrap_or_default();
        question.settings.looks = told(question.settings.method, question.planned, earlier)?;
        question.check()?;
        let counts_alone = one_of(query, "analysis", &[("none", ())])?.is_some();
        Ok((!counts_alone).then_some(question))
    }

    /// The question of someone who takes a look.
    pub(crate) fn to_look(query: &Query<'_>) -> Result<Self, Box<Problem>> {
        let method = one_of(query, "method", &METHODS)?;
        if method.is_some_and(|method| method != Method::Sequential) {
            let detail = "a look is for `method=sequential`; the other methods need no looks";
            return Err(Problem::wrong_parameter("method", "one-of", detail));
        }
        let mut question = Self::from_query(query)?;
        question.settings.method = Method::Sequential;
        question.check()?;
        Ok(question)
    }

    fn from_query(query: &Query<'_>) -> Result<Self, Box<Problem>> {
        let mut settings = Settings {
            control: query.get("control")?.map(str::to_owned),
            primary_goal: query.get("goal")?.map(str::to_owned),
            ..Settings::default()
        };
        if let Some(level) = percentage(query, "level")? {
            settings.level = Level::new(level).map_err(|error| refused(&error))?;
        }
        if let Some(lift) = percentage(query, "minimum_lift")? {
            settings.minimum_lift = lift;
        }
        if let Some(power) = percentage(query, "power")? {
            settings.power = power;
        }
        if let Some(correction) = one_of(query, "correction", &CORRECTIONS)? {
            settings.correction = correction;
        }
        let planned = query.get("planned")?.map(planned).transpose()?;
        Ok(Self { settings, planned, history: query.flag("history")? })
    }

    /// Checks the numbers, without the names, which only some experiments have.
    fn check(&self) -> Result<(), Box<Problem>> {
        let numbers = Settings { control: None, primary_goal: None, ..self.settings.clone() };
        analyse(&Counts::default(), &numbers).map_err(|error| refused(&error))?;
        Ok(())
    }

    /// Whether the verdict is that of the looks that are remembered.
    pub(crate) fn follows_looks_taken(&self) -> bool {
        self.settings.method == Method::Sequential && self.settings.looks.is_none()
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

/// That nobody said where the experiment is to end.
pub(super) fn no_plan() -> Box<Problem> {
    let detail = "parameter `planned` is missing: the first look needs the participants, of all \
        variants together, at which the experiment is planned to end";
    Problem::wrong_parameter("planned", "required", detail)
}

/// The looks that someone else remembers, these counts being one, too. Only the sequential method
/// can use them.
fn told(
    method: Method,
    planned: Option<u64>,
    earlier: Option<Vec<EarlierLook>>,
) -> Result<Option<Looks>, Box<Problem>> {
    if planned.is_none() && earlier.is_none() {
        return Ok(None);
    }
    if method != Method::Sequential {
        let parameter = if planned.is_some() { "planned" } else { "looks" };
        let detail = format!("parameter `{parameter}` goes with `method=sequential` only");
        return Err(Problem::wrong_parameter(parameter, "needs-method", detail));
    }
    let planned = planned.ok_or_else(no_plan)?;
    Ok(Some(Looks { planned, earlier: earlier.unwrap_or_default(), now: true }))
}

fn planned(text: &str) -> Result<u64, Box<Problem>> {
    match count("planned", text)? {
        0 => {
            let detail = "parameter `planned` takes the participants, of all variants together, at \
                which the experiment is planned to end: at least 1";
            Err(Problem::wrong_parameter("planned", "range", detail))
        }
        planned => Ok(planned),
    }
}

fn earlier(texts: &str) -> Result<Vec<EarlierLook>, Box<Problem>> {
    let texts = texts.split(',').filter(|text| !text.is_empty());
    let earlier: Vec<u64> =
        texts.map(|text| count("looks", text)).collect::<Result<_, Box<Problem>>>()?;
    if earlier.len() > LOOKS || !earlier.is_sorted_by(|one, next| one < next) {
        let detail = format!(
            "parameter `looks` takes the participants at each earlier look, at most {LOOKS}, each \
             more than before"
        );
        return Err(Problem::wrong_parameter("looks", "range", detail));
    }
    Ok(earlier.into_iter().map(EarlierLook::Told).collect())
}

fn count(parameter: &'static str, text: &str) -> Result<u64, Box<Problem>> {
    text.parse().map_err(|_| {
        let detail = format!("parameter `{parameter}` takes whole numbers, such as 10000");
        Problem::wrong_parameter(parameter, "number", detail)
    })
}

fn percentage(query: &Query<'_>, parameter: &'static str) -> Result<Option<f64>, Box<Problem>> {
    let Some(text) = query.get(parameter)? else { return Ok(None) };
    let found = text.parse().map(|percentage: Percentage| Some(percentage.get()));
    found.map_err(|error| {
        let detail = format!("parameter `{parameter}`: {error} (in a URL, write % as %25)");
        Problem::wrong_parameter(parameter, "percentage", detail)
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
