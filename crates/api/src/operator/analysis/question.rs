//! How to analyse the counts, as a query string says it.

use std::fmt::Display;

use abtest_model::name::check as check_name;
use abtest_model::percentage::PercentageError;
use abtest_model::{Percentage, Query};
use abtest_stats::analysis::{Counts, EarlierLook, Looks, Method, Settings, analyse};
use abtest_stats::many_comparisons::Correction;
use abtest_stats::{Error, Level};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

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

const DETAILS: [(&str, Detail); 3] =
    [("summary", Detail::Summary), ("full", Detail::Full), ("none", Detail::None)];

/// Most digits of a number of participants: every such number is exact in JSON.
const COUNT_DIGITS: usize = 15;

/// Most looks of an experiment, given or stored.
pub(super) const MAX_LOOKS: usize = 100;

/// The query parameters of the analysis.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `Question` reads")]
pub(crate) struct AnalysisParameters {
    /// The namespace. Default: `alephbet`.
    #[param(min_length = 1, max_length = 200)]
    namespace: Option<String>,
    /// The variant to compare the others with. Default: the one set by
    /// `PUT /experiments/{experiment}/control`, else one called control, original, baseline, default
    /// or off, else the first by name.
    control: Option<String>,
    /// The goal of the experiment's verdict. Default: the first by name.
    goal: Option<String>,
    /// The level of intervals and tests, as `95%` or `0.95`. Default: 95%.
    #[param(
        pattern = r"^(0\.0{0,5}[1-9][0-9]{0,5}|(0\.0{0,3}[1-9][0-9]{0,5}|[1-9][0-9]?(\.[0-9]{1,6})?)%)$"
    )]
    level: Option<String>,
    /// How to correct for several comparisons. Default: `bonferroni`.
    /// `bh` is short for `benjamini_hochberg`.
    #[param(pattern = "^(bonferroni|bh|benjamini_hochberg|none)$")]
    correction: Option<String>,
    /// The smallest relative lift that matters, as `5%` or `0.05`. Default: 5%.
    #[param(
        pattern = r"^(0\.0{0,5}[1-9][0-9]{0,5}|(0\.0{0,3}[1-9][0-9]{0,5}|[1-9][0-9]{0,3}(\.[0-9]{1,6})?)%)$"
    )]
    minimum_lift: Option<String>,
    /// The probability to find it, as `80%` or `0.8`. Default: 80%.
    #[param(pattern = r"^(0\.(0[1-9]|[1-9])[0-9]{0,4}|[1-9][0-9]?(\.[0-9]{1,4})?%)$")]
    power: Option<String>,
}

/// The query parameters of someone who reads.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `Question` reads")]
pub(crate) struct ReadParameters {
    /// When you may look: `always_valid` (at any time, the default), `sequential` (at the looks
    /// taken by `POST /experiments/{experiment}/looks`; reading takes no look) or `fixed` (once).
    #[param(inline)]
    method: Option<Method>,
    /// For `method=sequential`, if you store the looks yourself and take one now: the number of
    /// participants, in all variants together, at which the experiment ends.
    #[param(minimum = 1, maximum = 999_999_999_999_999_u64)]
    planned: Option<u64>,
    /// With `planned`: the number of participants at each earlier look, with commas between.
    #[param(pattern = "^,*([0-9]{1,15}(,+[0-9]{1,15})*)?,*$")]
    looks: Option<String>,
    /// `true` for the memory that the counters use.
    memory: Option<bool>,
}

/// How much of the analysis an answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Detail {
    /// The verdict in short, at most 700 bytes per experiment.
    Summary,
    /// Every number.
    Full,
    /// The counts only.
    None,
}

/// How to analyse the counts.
#[derive(Debug)]
pub(crate) struct Question {
    /// With the looks that the caller gave, if any.
    pub(super) settings: Settings,
    /// For a new look: the plan, if given.
    pub(super) planned: Option<u64>,
    /// How much of the analysis the answer has.
    pub(super) detail: Detail,
    /// Whether to add the lift at the end of each day.
    pub(super) history: bool,
    /// The parameters that the request gives. What it does not give comes from the definition.
    given: Vec<&'static str>,
}

/// The parameters that a definition answers, too.
const ANSWERED_BY_DEFINITIONS: [&str; 8] =
    ["control", "goal", "level", "minimum_lift", "correction", "method", "planned", "looks"];

impl Question {
    /// The question of a reader. `detail` is the default.
    pub(crate) fn to_read(query: &Query<'_>, detail: Detail) -> Result<Self, Box<Problem>> {
        let method = one_of(query, "method", &METHODS)?;
        let earlier = query.get("looks")?.map(earlier).transpose()?;
        let mut question = Self::from_query(query)?;
        question.settings.method = method.unwrap_or_default();
        question.settings.looks = told(question.settings.method, question.planned, earlier)?;
        question.check()?;
        question.detail = one_of(query, "analysis", &DETAILS)?.unwrap_or(detail);
        Ok(question)
    }

    /// The question of a reader who asks for nothing in particular.
    pub(crate) fn of_definition(detail: Detail) -> Self {
        let (settings, given) = (Settings::default(), Vec::new());
        Self { settings, planned: None, detail, history: false, given }
    }

    /// The question of a new look.
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

    /// Whether the request gives a parameter.
    pub(super) fn gives(&self, parameter: &str) -> bool {
        self.given.contains(&parameter)
    }

    fn from_query(query: &Query<'_>) -> Result<Self, Box<Problem>> {
        let mut settings = Settings {
            control: name(query, "control")?,
            primary_goal: name(query, "goal")?,
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
        let history = query.flag("history")?;
        let mut given = Vec::new();
        for parameter in ANSWERED_BY_DEFINITIONS {
            if query.get(parameter)?.is_some() {
                given.push(parameter);
            }
        }
        Ok(Self { settings, planned, detail: Detail::Full, history, given })
    }

    /// Checks the numbers, without the names, which only some experiments have.
    fn check(&self) -> Result<(), Box<Problem>> {
        let numbers = Settings { control: None, primary_goal: None, ..self.settings.clone() };
        analyse(&Counts::default(), &numbers).map_err(|error| refused(&error))?;
        Ok(())
    }
}

/// The problem with a number that the statistics refuse.
pub(super) fn refused(error: &Error) -> Box<Problem> {
    match error {
        Error::OutOfRange { name, .. } => {
            Problem::wrong_parameter(name, "range", format!("parameter {error}"))
        }
        Error::LooksFixedControl { fixed, .. } => {
            let detail = format!(
                "the earlier looks used the control `{}`; leave `control` out",
                fixed.escape_debug()
            );
            Problem::wrong_parameter("control", "fixed", detail)
        }
        other => Problem::wrong_parameter("looks", "range", other.to_string()),
    }
}

/// The error for a missing `planned`.
pub(super) fn no_plan() -> Box<Problem> {
    let detail = "parameter `planned` is missing: the first look needs the number of participants, \
        in all variants together, at which the experiment ends";
    Problem::wrong_parameter("planned", "required", detail)
}

/// Looks that the caller keeps, with these counts as the next one. Only the sequential method uses
/// them.
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
        let detail = format!("parameter `{parameter}` needs `method=sequential`");
        return Err(Problem::wrong_parameter(parameter, "needs-method", detail));
    }
    let planned = planned.ok_or_else(no_plan)?;
    // The look that reaches the plan is the last one.
    let earlier_ones = earlier.iter().flatten().rev().skip(1);
    if let Some(end) = earlier_ones.map(EarlierLook::participants).find(|&look| look >= planned) {
        let detail = format!(
            "parameter `looks` has a look after the one at {end} participants, which reached \
             `planned`: the experiment ended there"
        );
        return Err(Problem::wrong_parameter("looks", "range", detail));
    }
    Ok(Some(Looks { planned, earlier: earlier.unwrap_or_default(), now: true }))
}

fn planned(text: &str) -> Result<u64, Box<Problem>> {
    match count("planned", text)? {
        0 => {
            let detail = "parameter `planned` must be the number of participants, in all variants \
                together, at which the experiment ends: at least 1";
            Err(Problem::wrong_parameter("planned", "range", detail))
        }
        planned => Ok(planned),
    }
}

fn earlier(texts: &str) -> Result<Vec<EarlierLook>, Box<Problem>> {
    let texts = texts.split(',').filter(|text| !text.is_empty());
    let earlier: Vec<u64> =
        texts.map(|text| count("looks", text)).collect::<Result<_, Box<Problem>>>()?;
    if earlier.len() > MAX_LOOKS || !earlier.is_sorted_by(|one, next| one < next) {
        let detail = format!(
            "parameter `looks` must be the number of participants at each earlier look, at most \
             {MAX_LOOKS} numbers, each larger than the one before"
        );
        return Err(Problem::wrong_parameter("looks", "range", detail));
    }
    Ok(earlier.into_iter().map(EarlierLook::Told).collect())
}

fn count(parameter: &'static str, text: &str) -> Result<u64, Box<Problem>> {
    let is_count = text.len() <= COUNT_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_count).ok_or_else(|| {
        let detail = format!(
            "parameter `{parameter}` must be a whole number, such as 10000, of at most \
             {COUNT_DIGITS} digits"
        );
        Problem::wrong_parameter(parameter, "number", detail)
    })
}

fn name(query: &Query<'_>, parameter: &'static str) -> Result<Option<String>, Box<Problem>> {
    let Some(text) = query.get(parameter)? else { return Ok(None) };
    check_name(parameter, text)?;
    Ok(Some(text.to_owned()))
}

fn percentage(query: &Query<'_>, parameter: &'static str) -> Result<Option<f64>, Box<Problem>> {
    let Some(text) = query.get(parameter)? else { return Ok(None) };
    let found = text.parse().map(|percentage: Percentage| Some(percentage.get()));
    found.map_err(|error| {
        let error = match error {
            // A lift can be 1000%; a level and a power cannot.
            PercentageError::Ambiguous { number, share } if parameter != "minimum_lift" => {
                format!("`{number}` is not in percent; write {number}% or {share}")
            }
            error => error.to_string(),
        };
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
        let detail = format!("parameter `{parameter}` must be one of {names}");
        Problem::wrong_parameter(parameter, "one-of", detail)
    })
}

fn list(names: impl Iterator<Item = impl Display>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
