//! The statistics beside the counts: from a tally to an experiment's results with its analysis.
//!
//! | module | holds |
//! |---|---|
//! | `question` | how to analyse the counts, as a query string says it |
//! | `defined` | the question that a definition asks |
//! | `looks` | the stored looks as the analysis takes them |
//! | `periods` | the counts by allocation, if the weights changed |
//! | `history` | the lift at the end of each day |
//! | `stuffing` | signs of stuffed votes |
//! | `totals` | the sums of goals that add up numbers |
//! | `warnings` | what a reader must know besides the numbers |
//! | `top` | which variants and goals are analysed when there are too many |

mod defined;
mod history;
mod looks;
mod periods;
mod question;
pub(crate) mod stuffing;
mod top;
mod totals;
mod warnings;

use abtest_model::definition::{Document, Time};
use abtest_model::{Counting, ExperimentResults, Tally, Values};
use abtest_stats::Error;
use abtest_stats::analysis::{
    Analysis, Counts, GoalCounts, LookRecord, Looks, Method, Period, RaisedAlarm, Settings,
    VariantCounts, analyse,
};
use abtest_stats::counter_error::Counter;
use http::StatusCode;

use crate::document::{AnalysedResults, Summary};
use crate::http::problem::Problem;
use crate::operator::kept::Earlier;
use history::history;
pub(crate) use question::{AnalysisParameters, Detail, Question, ReadParameters};

/// How someone asks for an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// By its name: a control or a goal that it does not have is an error.
    Alone,
    /// In a list: it may lack a control or a goal that others have.
    AmongOthers,
}

/// An experiment with its analysis.
#[derive(Debug)]
pub(crate) struct Report {
    /// What the reader gets.
    pub(crate) answer: AnalysedResults,
    /// The sample ratio alarm, if this report is the first to find it. Store it.
    pub(crate) new_alarm: Option<RaisedAlarm>,
}

/// Analyses an experiment for a reader.
///
/// # Errors
/// When the experiment lacks what was asked for.
pub(crate) fn read(
    question: &Question,
    tally: &Tally,
    earlier: &Earlier,
    asked: Asked,
) -> Result<Report, Box<Problem>> {
    let definition = earlier.definition();
    let mut answer = answer(tally, definition, asked);
    if question.detail == Detail::None {
        return Ok(Report { answer, new_alarm: None });
    }
    let (mut settings, what_if, periods) =
        settings(question, definition, &answer.results, tally.values.as_ref());
    settings.only_verdict = question.detail == Detail::Summary;
    settings.sample_ratio_alarmed.clone_from(&earlier.alarm);
    let has_variant = |name: &str| has_variant(tally, definition, name);
    if asked == Asked::AmongOthers {
        settings.control = settings.control.filter(|control| has_variant(control));
    }
    settings.looks = settings.looks.or_else(|| looks::taken(&earlier.looks));
    // A variant that appears later and is called `control` must not take the place of the looks' control.
    let of_looks = settings.looks.as_ref().and_then(Looks::control);
    let of_looks = of_looks.filter(|control| has_variant(control)).map(str::to_owned);
    settings.control = settings.control.or_else(|| chosen_control(tally)).or(of_looks);
    let (counts, mut analysis, new_alarm) =
        analysis(&answer.results, tally, definition, periods, &mut settings, asked)?;
    warnings::add(&mut analysis, tally, earlier, &answer, &what_if);
    answer.what_if = what_if;
    if question.detail == Detail::Summary {
        answer.summary = Some(Summary::from(&analysis));
        return Ok(Report { answer, new_alarm });
    }
    // Days are not counted by allocation, so there are no lifts of days if the weights changed.
    let has_history = question.history && counts.periods.is_empty();
    let timeline = answer.results.timeline.as_ref().filter(|_| has_history);
    answer.history = timeline.map(|timeline| {
        settings.control.clone_from(&analysis.control);
        history(timeline, &counts, &settings)
    });
    answer.analysis = Some(analysis);
    Ok(Report { answer, new_alarm })
}

/// Analyses an experiment as a new look. Returns the look too, unless it is the last look again.
/// Store it before anybody sees the answer.
///
/// # Errors
/// When the experiment lacks what was asked for, or no look can be taken.
pub(crate) fn look(
    question: &Question,
    tally: &Tally,
    earlier: &Earlier,
) -> Result<(Option<LookRecord>, Report), Box<Problem>> {
    let stored = &earlier.looks;
    let definition = earlier.definition();
    let mut answer = answer(tally, definition, Asked::Alone);
    let (settings, mut what_if, periods) =
        settings(question, definition, &answer.results, tally.values.as_ref());
    // The look itself is sequential, and it fixes the plan.
    what_if.retain(|parameter| parameter != "method" && parameter != "planned");
    let no_look = settings.suspended.as_deref();
    if let Some(reason) = no_look.or((periods.len() > 1).then_some(periods::NO_LOOKS)) {
        let detail = format!("no look was taken: {reason}");
        return Err(Problem::boxed(StatusCode::CONFLICT, detail));
    }
    let planned = definition.and_then(|document| document.definition.analysis.planned);
    let mut settings = looks::at_a_new_one(
        &settings,
        question.planned.or(planned),
        stored,
        participants(&answer.results),
    )?;
    settings.method = Method::Sequential;
    settings.sample_ratio_alarmed.clone_from(&earlier.alarm);
    let of_looks = || stored.looks.first().map(|look| look.control.clone());
    settings.control = settings.control.or_else(of_looks).or_else(|| chosen_control(tally));
    let (_, mut analysis, new_alarm) =
        analysis(&answer.results, tally, definition, periods, &mut settings, Asked::Alone)?;
    warnings::add(&mut analysis, tally, earlier, &answer, &what_if);
    let look = looks::new_one(&analysis, stored);
    answer.analysis = Some(analysis);
    answer.what_if = what_if;
    Ok((look, Report { answer, new_alarm }))
}

/// How the counts are analysed, the parameters by which the request differs from the definition, and
/// the periods of constant weights.
fn settings(
    question: &Question,
    definition: Option<&Document>,
    results: &ExperimentResults,
    values: Option<&Values>,
) -> (Settings, Vec<String>, Vec<Period>) {
    let Some(document) = definition else {
        return (question.settings.clone(), Vec::new(), Vec::new());
    };
    let (mut settings, what_if) = defined::settings(question, document);
    let periods = periods::periods(document, results, values).unwrap_or_else(|reason| {
        settings.suspended = Some(reason);
        Vec::new()
    });
    (settings, what_if, periods)
}

/// The counts with the definition, still without an analysis.
fn answer(tally: &Tally, definition: Option<&Document>, asked: Asked) -> AnalysedResults {
    let results = ExperimentResults::from(tally);
    AnalysedResults {
        definition: definition.map(|document| match asked {
            Asked::Alone => serde_json::to_value(document).unwrap_or_default(),
            Asked::AmongOthers => summary_of(document),
        }),
        undeclared: definition
            .and_then(|document| defined::undeclared(&results, &document.definition)),
        what_if: Vec::new(),
        results,
        summary: None,
        analysis: None,
        history: None,
    }
}

/// What a list shows of a definition.
fn summary_of(document: &Document) -> serde_json::Value {
    const SHOWN: [&str; 10] = [
        "description",
        "owner",
        "tags",
        "status",
        "traffic",
        "layer",
        "control",
        "winner",
        "server_only",
        "schedule",
    ];
    let mut members = document.definition.to_members();
    members.retain(|member, _| SHOWN.contains(&member.as_str()));
    members.insert("version".to_owned(), document.version.into());
    members.insert("created".to_owned(), document.created.to_string().into());
    members.insert("updated".to_owned(), document.updated.to_string().into());
    let started = document.first_start.as_ref().map(|start| start.at.to_string());
    members.insert("started".to_owned(), started.into());
    members.into()
}

fn participants(results: &ExperimentResults) -> u64 {
    results.variants.iter().fold(0, |sum, variant| sum.saturating_add(variant.trials))
}

/// The control that was set for the experiment, if it still has that variant.
fn chosen_control(tally: &Tally) -> Option<String> {
    let control =
        tally.control.as_ref().filter(|control| has_variant(tally, None, control.as_str()));
    control.map(ToString::to_string)
}

/// Whether the analysis knows the variant: it is declared or, without a definition, counted.
fn has_variant(tally: &Tally, definition: Option<&Document>, name: &str) -> bool {
    match definition {
        Some(document) => document.definition.has_variant(name),
        None => tally.variants().iter().any(|variant| variant.as_str() == name),
    }
}

/// The counts that are analysed, their analysis, and the sample ratio alarm if it is new.
fn analysis(
    results: &ExperimentResults,
    tally: &Tally,
    definition: Option<&Document>,
    periods: Vec<Period>,
    settings: &mut Settings,
    asked: Asked,
) -> Result<(Counts, Analysis, Option<RaisedAlarm>), Box<Problem>> {
    let mut counts = match definition {
        Some(document) => defined::counts(results, &document.definition, tally.values.as_ref()),
        None => counts(results),
    };
    counts.periods = periods;
    settings.counter = match results.counting {
        Counting::Hll => Counter::Hll,
        Counting::Exact => Counter::Exact,
    };
    match asked {
        Asked::AmongOthers => {
            let has_goal = |name: &String| counts.goals.iter().any(|goal| goal.name == *name);
            settings.primary_goal = settings.primary_goal.take().filter(has_goal);
        }
        Asked::Alone => {
            if let Some(Looks { planned, earlier, now: true }) = &settings.looks
                && earlier.is_empty()
            {
                looks::refuse_reached(*planned, participants(results))?;
            }
        }
    }
    let left_out = top::keep_top(&mut counts, settings);
    let mut analysis = analyse(&counts, settings).map_err(|error| match error {
        Error::UnknownControl(_) => {
            let names = counts.variants.iter().map(|v| v.name.as_str());
            unknown("control", "known-variant", "variant", names)
        }
        Error::UnknownPrimaryGoal(_) => {
            let names = counts.goals.iter().map(|goal| goal.name.as_str());
            unknown("goal", "known-goal", "goal", names)
        }
        other => question::refused(&other),
    })?;
    analysis.warnings.extend(left_out);
    let new_alarm = RaisedAlarm::new(&analysis.sample_ratio, &counts, Time::now().to_string());
    if new_alarm.is_some() {
        analysis.sample_ratio.raised.clone_from(&new_alarm);
    }
    Ok((counts, analysis, new_alarm))
}

fn counts(results: &ExperimentResults) -> Counts {
    let variants = results.variants.iter().map(|variant| VariantCounts {
        name: variant.label.clone(),
        trials: variant.trials,
        weight: None,
    });
    let goals = results.goals.iter().map(|goal| {
        let successes = goal.results.iter().map(|count| count.successes);
        GoalCounts::new(&goal.goal, successes.collect())
    });
    Counts { variants: variants.collect(), goals: goals.collect(), periods: Vec::new() }
}

/// The error for a parameter that names something which the experiment does not have.
fn unknown<'a>(
    parameter: &'static str,
    rule: &'static str,
    what: &str,
    names: impl Iterator<Item = &'a str>,
) -> Box<Problem> {
    /// Enough to see what was meant.
    const SHOWN: usize = 10;
    let names: Vec<String> =
        names.take(SHOWN).map(|name| format!("`{}`", name.escape_debug())).collect();
    let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let detail =
        format!("parameter `{parameter}` names no {what} of this experiment; it has {there}");
    Problem::wrong_parameter(parameter, rule, detail)
}

#[cfg(test)]
mod tests;
