//! Taking the first look, and discarding all looks: neither can be undone.

use abtest_api::document::AnalysedResults;
use abtest_stats::words::{counted, rounded, thousands};
use anyhow::{Context, Result};

use super::source::Source;
use super::{Arguments, in_flags, unknown};
use crate::ExitStatus;
use crate::terminal::{ask, confirm, is_interactive, printable, yellow};

/// Asks before the first look. Without a terminal it needs --yes. Warns if its plan is too small.
pub(super) fn may_be_taken(source: &Source, name: &str, arguments: &Arguments) -> Result<bool> {
    let Some(planned) = arguments.question.planned else { return Ok(true) };
    let mut parameters = arguments.question.parameters();
    parameters.retain(|(name, _)| !["planned", "method"].contains(name));
    parameters.push(("method", "sequential".to_owned()));
    let answer = source.read(name, &parameters).map_err(in_flags)?;
    let answer = answer.with_context(|| unknown(arguments, name))?;
    let experiment: AnalysedResults = serde_json::from_str(&answer)?;
    let is_first = experiment.analysis.as_ref().is_some_and(|analysis| analysis.looks.is_none());
    // The API refuses such a plan, and says why.
    let is_refused = planned <= experiment.participants();
    if !is_first || is_refused {
        return Ok(true);
    }
    if arguments.yes {
        return Ok(true);
    }
    if let Some(enough) = experiment.analysis.as_ref().and_then(abtest_api::document::planned_size)
        && planned < enough
    {
        let warning = format!(
            "! {} participants are too few to detect the minimum lift; about {} are enough.",
            thousands(planned),
            rounded(enough)
        );
        eprintln!("{}", yellow(&warning));
    }
    if !is_interactive() {
        eprintln!(
            "No look is taken. This is the first look, and it would fix the plan at {} participants. \
             Add --yes to take it without a terminal.",
            thousands(planned)
        );
        return Ok(false);
    }
    let question = format!(
        "This is the first look. It fixes the plan at {} participants. Take it?",
        thousands(planned)
    );
    confirm(&question, "")
}

/// Says which looks are stored now, as a line. `None` if the answer has no looks.
pub(super) fn taken(experiments: &[AnalysedResults]) -> Option<String> {
    let looks = experiments.first()?.analysis.as_ref()?.looks.as_ref()?;
    let newest = looks.taken.last()?;
    Some(format!(
        "{} stored. The newest is at {} of {} planned participants.\n",
        counted(looks.taken.len() as u64, "look"),
        thousands(newest.participants),
        thousands(looks.planned)
    ))
}

/// Discards all looks after a typed confirmation.
pub(super) fn reset(source: &Source, name: &str, arguments: &Arguments) -> Result<ExitStatus> {
    if !arguments.yes {
        if !is_interactive() {
            eprintln!("Nothing is discarded. Add --yes to discard the looks without a terminal.");
            return Ok(ExitStatus::Unconfirmed);
        }
        eprintln!(
            "This discards all looks of {}. What they decided is lost, and every later report \
             says so.",
            printable(name)
        );
        if ask("Type the experiment's name to discard its looks: ")? != name {
            eprintln!("That is not its name. Nothing is discarded.");
            return Ok(ExitStatus::Unconfirmed);
        }
    }
    let answer = source.reset_looks(name).map_err(in_flags)?;
    let answer = answer.with_context(|| unknown(arguments, name))?;
    let answer: serde_json::Value = serde_json::from_str(&answer)?;
    let name = printable(name);
    super::print(&match answer["discarded"].as_u64() {
        Some(0) => format!("{name} has no looks; nothing is discarded.\n"),
        Some(looks) => format!("Discarded {} of {name}.\n", counted(looks, "look")),
        None => format!("Discarded the looks of {name}.\n"),
    })?;
    Ok(ExitStatus::Done)
}
