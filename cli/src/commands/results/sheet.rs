//! A row for each variant on each goal: as CSV for other programs, as Markdown for documents.

use anyhow::Result;

use super::figures;
use super::report::{Analysis, Experiment, Goal, Variant};
use crate::terminal::printable;

const HEADS: [&str; 22] = [
    "experiment",
    "goal",
    "variant",
    "control",
    "trials",
    "successes",
    "rate",
    "rate_low",
    "rate_high",
    "chance_best",
    "difference",
    "difference_low",
    "difference_high",
    "lift",
    "lift_low",
    "lift_high",
    "p_value",
    "adjusted_p_value",
    "chance_to_beat",
    "expected_loss",
    "power",
    "verdict",
];

/// RFC 4180. Intervals and the adjusted p-value are what the verdict follows; a field is empty
/// where nothing can be said.
pub(super) fn csv(experiments: &[Experiment]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADS)?;
    for (experiment, analysis, goal, variant) in rows(experiments) {
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let comparison = goal.comparison(&variant.variant);
        let evidence = comparison.map(|c| c.evidence());
        writer.write_record([
            inert(&experiment.experiment),
            inert(&goal.goal),
            inert(&variant.variant),
            (analysis.control.as_deref() == Some(variant.variant.as_str())).to_string(),
            variant.trials.to_string(),
            variant.successes.to_string(),
            number(variant.rate),
            number(variant.low),
            number(variant.high),
            number(variant.chance_best),
            number(comparison.and_then(|c| c.difference)),
            number(evidence.and_then(|e| e.difference_low)),
            number(evidence.and_then(|e| e.difference_high)),
            number(comparison.and_then(|c| c.lift)),
            number(evidence.and_then(|e| e.lift_low)),
            number(evidence.and_then(|e| e.lift_high)),
            number(comparison.and_then(|c| c.p_value)),
            number(evidence.and_then(|e| e.adjusted_p_value)),
            number(comparison.and_then(|c| c.chance_to_beat)),
            number(comparison.and_then(|c| c.expected_loss)),
            number(comparison.and_then(|c| c.power)),
            inert(&goal.verdict.sentence),
        ])?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// A text that no spreadsheet takes for a formula (OWASP, CSV injection): names come from the open
/// internet.
fn inert(text: &str) -> String {
    let shown = printable(text);
    let starts_formula =
        shown.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '|', '%']);
    if starts_formula { format!("'{shown}") } else { shown }
}

/// A table for each goal, under the verdict.
pub(super) fn markdown(experiments: &[Experiment]) -> String {
    let mut text = String::new();
    for experiment in experiments {
        if !text.is_empty() {
            text += "\n";
        }
        text += &format!("## {}\n\n", escaped(&experiment.experiment));
        let Some(analysis) = &experiment.analysis else { continue };
        for warning in &analysis.warnings {
            text += &format!("> **Warning:** {}\n\n", escaped(&warning.message));
        }
        text += &format!("**{}**\n", escaped(&analysis.verdict.sentence));
        for goal in &analysis.goals {
            text += &format!("\n### {}\n\n", escaped(&goal.goal));
            if analysis.goals.len() > 1 {
                text += &format!("{}\n\n", escaped(&goal.verdict.sentence));
            }
            text += "| variant | participants | reached | rate | interval | lift | interval | chance to beat the control |\n";
            text += "|---|--:|--:|--:|---|--:|---|--:|\n";
            for variant in &goal.variants {
                text += &line(analysis, goal, variant);
            }
        }
        if !analysis.goals.is_empty() {
            text += &format!("\n{}\n", escaped(&analysis.method_explanation));
        }
    }
    text
}

fn line(analysis: &Analysis, goal: &Goal, variant: &Variant) -> String {
    let rate = |value| figures::rate(value, goal.kind);
    let comparison = goal.comparison(&variant.variant);
    let evidence = comparison.map(|c| c.evidence());
    let (lift, between, chance) = match (comparison, evidence) {
        (Some(comparison), Some(evidence)) => (
            figures::lift(comparison.lift),
            figures::between(evidence.lift_low, evidence.lift_high),
            figures::chance(comparison.chance_to_beat),
        ),
        _ if analysis.control.as_deref() == Some(variant.variant.as_str()) => {
            ("control".to_owned(), String::new(), String::new())
        }
        _ => (figures::NOTHING.to_owned(), String::new(), String::new()),
    };
    format!(
        "| {} | {} | {} | {} | {} to {} | {lift} | {between} | {chance} |\n",
        escaped(&variant.variant),
        variant.trials,
        variant.successes,
        rate(variant.rate),
        rate(variant.low),
        rate(variant.high),
    )
}

/// A text that Markdown shows as it is: CommonMark takes every punctuation character after a
/// backslash literally.
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
    experiments: &[Experiment],
) -> impl Iterator<Item = (&Experiment, &Analysis, &Goal, &Variant)> {
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
    fn no_spreadsheet_takes_a_name_for_a_formula() {
        for name in ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "|calc", "＝1"] {
            assert!(inert(name).starts_with('\''), "{name}");
        }
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
