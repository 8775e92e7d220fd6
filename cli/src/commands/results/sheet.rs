//! One row per goal and variant: as CSV for other programs, as Markdown for documents.

use abtest_api::document::AnalysedResults;
use abtest_stats::analysis::{
    Analysis, Better, Comparison, GoalAnalysis, GoalKind, VariantEstimate,
};
use anyhow::Result;

use super::figures;
use super::table::{interval_head, method, rate_head, remarks};
use crate::terminal::printable;

/// One method made the lift's interval and the p-values of a row; `method` names it. The columns of
/// other figures say in their names how they differ.
const HEADS: [&str; 28] = [
    "experiment",
    "goal",
    "variant",
    "control",
    "trials",
    "successes",
    "rate",
    "kind",
    "unit",
    "method",
    "interval_level",
    "lift",
    "lift_low",
    "lift_high",
    "p_value",
    "adjusted_p_value",
    "difference",
    "difference_low",
    "difference_high",
    "power",
    "one_look_rate_low",
    "one_look_rate_high",
    "uncorrected_chance_best",
    "uncorrected_chance_to_beat",
    "uncorrected_expected_loss",
    "verdict",
    "warnings",
    "what_if",
];

/// RFC 4180. `warnings` are codes of the API, and `what_if` the parameters that replace the
/// definition's plan, with spaces between. A field is empty where the counts say nothing.
pub(super) fn csv(experiments: &[AnalysedResults]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADS)?;
    for (experiment, analysis, goal, variant) in rows(experiments) {
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let comparison = comparison(goal, variant);
        let of = |member: fn(&Comparison) -> Option<f64>| number(comparison.and_then(member));
        writer.write_record([
            inert(&experiment.results.experiment),
            inert(&goal.goal),
            inert(&variant.variant),
            (analysis.control.as_ref() == Some(&variant.variant)).to_string(),
            variant.trials.to_string(),
            variant.successes.to_string(),
            number(variant.rate),
            kind(goal.kind).to_owned(),
            inert(goal.unit.as_deref().unwrap_or_default()),
            comparison.map(|c| method(c.method)).unwrap_or_default().to_owned(),
            of(|c| c.interval_level),
            of(|c| c.lift),
            of(|c| c.lift_low),
            of(|c| c.lift_high),
            of(|c| c.p_value),
            of(|c| c.adjusted_p_value),
            of(|c| c.difference),
            of(|c| c.difference_low),
            of(|c| c.difference_high),
            of(|c| c.power),
            number(variant.low),
            number(variant.high),
            number(variant.chance_best),
            of(|c| c.chance_to_beat),
            of(|c| c.expected_loss),
            inert(&goal.verdict.sentence),
            codes(analysis),
            experiment.what_if.join(" "),
        ])?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// The codes of the warnings, each once.
fn codes(analysis: &Analysis) -> String {
    let mut codes: Vec<String> = Vec::new();
    for warning in &analysis.warnings {
        let code = serde_json::to_value(warning.code).unwrap_or_default();
        let code = code.as_str().unwrap_or_default().to_owned();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes.join(" ")
}

/// The kind of goal, as the API names it.
fn kind(kind: GoalKind) -> &'static str {
    match kind {
        GoalKind::Proportion => "proportion",
        GoalKind::Rate => "rate",
        GoalKind::Mean => "mean",
    }
}

/// The comparison of a variant with the control; `None` for the control itself.
fn comparison<'a>(goal: &'a GoalAnalysis, variant: &VariantEstimate) -> Option<&'a Comparison> {
    goal.against_control.iter().find(|one| one.variant == variant.variant)
}

/// A text that spreadsheets do not execute as a formula (OWASP, CSV injection). Anybody on the
/// internet can send names.
fn inert(text: &str) -> String {
    let shown = printable(text);
    let starts_formula =
        shown.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '|', '%']);
    if starts_formula { format!("'{shown}") } else { shown }
}

/// The verdict, and a table for each goal.
pub(super) fn markdown(experiments: &[AnalysedResults]) -> String {
    let mut text = String::new();
    for experiment in experiments {
        if !text.is_empty() {
            text += "\n";
        }
        text += &format!("## {}\n\n", escaped(&experiment.results.experiment));
        let Some(analysis) = &experiment.analysis else { continue };
        let verdict = &analysis.verdict.sentence;
        for warning in analysis.warnings.iter().filter(|warning| warning.message != *verdict) {
            text += &format!("> **Warning:** {}\n\n", escaped(&warning.message));
        }
        text += &format!("**{}**\n", escaped(verdict));
        for goal in &analysis.goals {
            text += &format!("\n### {}\n\n", escaped(&goal.goal));
            if goal.better == Better::Lower {
                text += "Lower is better.\n\n";
            }
            if goal.verdict.sentence != *verdict {
                text += &format!("{}\n\n", escaped(&goal.verdict.sentence));
            }
            let rate = escaped(&rate_head(goal));
            text += &format!(
                "| variant | participants | reached | {rate} | {} of the {rate}, one look | lift | {} of \
                 the lift | method | chance better, not corrected |\n",
                format_args!("{} interval", figures::level(analysis.level)),
                interval_head(goal, analysis),
            );
            text += "|---|--:|--:|--:|---|--:|---|---|--:|\n";
            for variant in &goal.variants {
                text += &line(analysis, goal, variant);
            }
            for remark in remarks(goal, analysis) {
                text += &format!("\n{}\n", escaped(&remark));
            }
        }
        for note in &analysis.notes {
            text += &format!("\n{}\n", escaped(&note.message));
        }
        if !analysis.goals.is_empty() {
            text += &format!("\n{}\n", escaped(&analysis.method_explanation));
        }
    }
    text
}

fn line(analysis: &Analysis, goal: &GoalAnalysis, variant: &VariantEstimate) -> String {
    let rate = |value| figures::rate(value, goal.kind);
    let [lift, interval, method, chance] = match comparison(goal, variant) {
        Some(c) => [
            figures::lift(c.lift),
            figures::between(c.lift_low, c.lift_high),
            escaped(method(c.method)),
            figures::chance(c.chance_to_beat),
        ],
        None if analysis.control.as_ref() == Some(&variant.variant) => {
            ["control", "", "", ""].map(str::to_owned)
        }
        None => [figures::NOTHING, "", "", ""].map(str::to_owned),
    };
    format!(
        "| {} | {} | {} | {} | {} to {} | {lift} | {interval} | {method} | {chance} |\n",
        escaped(&variant.variant),
        variant.trials,
        variant.successes,
        rate(variant.rate),
        rate(variant.low),
        rate(variant.high),
    )
}

/// A text that Markdown shows as it is: in CommonMark, a backslash makes any punctuation literal.
fn escaped(text: &str) -> String {
    let mut shown = String::new();
    for character in printable(text).chars() {
        if character.is_ascii_punctuation() && !matches!(character, ',' | '%' | '(' | ')' | '\'') {
            shown.push('\\');
        }
        shown.push(character);
    }
    shown
}

fn rows(
    experiments: &[AnalysedResults],
) -> impl Iterator<Item = (&AnalysedResults, &Analysis, &GoalAnalysis, &VariantEstimate)> {
    experiments.iter().flat_map(|experiment| {
        experiment.analysis.iter().flat_map(move |analysis| {
            analysis.goals.iter().flat_map(move |goal| {
                goal.variants.iter().map(move |variant| (experiment, analysis, goal, variant))
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreadsheets_do_not_execute_names() {
        for name in ["=1+1", "+1", "-1", "@SUM(A1)", "|calc", "＝1"] {
            assert!(inert(name).starts_with('\''), "{name}");
        }
        assert_eq!(inert(" =1"), "\\u{20}=1");
        assert_eq!(inert("button color"), "button color");
        assert_eq!(inert("a\tb"), "a\\u{9}b");
    }

    #[test]
    fn markdown_shows_a_name_as_it_is() {
        assert_eq!(escaped("a|b"), "a\\|b");
        assert_eq!(escaped("<img src=x>"), "\\<img src\\=x\\>");
        assert_eq!(escaped("[x](http://y)"), "\\[x\\](http\\:\\/\\/y)");
        assert_eq!(escaped("**50%**"), "\\*\\*50%\\*\\*");
    }
}
