//! The question that a definition asks: what was declared, and with which plan. A request can ask
//! something else, and the report says so.

use std::collections::HashSet;

use abtest_model::definition::{
    AnalysisMethod, Better, DefinedGoal, Definition, Disturbance, Document, GoalKind, GoalRole,
    MultipleTesting,
};
use abtest_model::{ExperimentResults, Goal, Values, VariantValues};
use abtest_stats::Level;
use abtest_stats::analysis::{
    self, Counts, Declared, DeclaredGoal, DeclaredKind, DeclaredVariant, GoalCounts, Method,
    Remark, RemarkCode, Settings, VariantCounts,
};
use abtest_stats::confidence_sequence::DEFAULT_TUNING;
use abtest_stats::many_comparisons::Correction;
use abtest_stats::sample_size::Effect;
use abtest_stats::words::listed;

use super::question::Question;
use super::totals;
use crate::document::Undeclared;

/// What `Declared::tuning` takes as the probability to find the minimum lift.
const POWER: f64 = 0.8;

/// The settings of the definition with what the request asks instead, and the parameters by which
/// the request differs from the definition.
pub(super) fn settings(question: &Question, document: &Document) -> (Settings, Vec<String>) {
    let definition = &document.definition;
    let plan = &definition.analysis;
    let asked = question.settings.clone();
    let level = Level::new(plan.level).unwrap_or(asked.level);
    let planned = Settings {
        control: Some(definition.control.to_string()),
        declared: Some(declared(document, level)),
        level,
        minimum_lift: plan.minimum_lift.unwrap_or(asked.minimum_lift),
        correction: correction(plan.correction),
        method: method(plan.method),
        ..asked.clone()
    };
    let mut settings = planned.clone();
    let mut what_if = Vec::new();
    let mut differs = |parameter: &str, differs: bool| {
        let differs = differs && question.gives(parameter);
        if differs {
            what_if.push(parameter.to_owned());
        }
        differs
    };
    if differs("control", asked.control != planned.control) {
        settings.control.clone_from(&asked.control);
    }
    let primary = definition.primary_goal().map(|goal| goal.name.to_string());
    // The settings have the goal of the request already.
    differs("goal", asked.primary_goal != primary);
    if differs("level", asked.level != planned.level) {
        settings.level = asked.level;
    }
    if differs("minimum_lift", asked.minimum_lift != planned.minimum_lift) {
        settings.minimum_lift = asked.minimum_lift;
    }
    if differs("correction", asked.correction != planned.correction) {
        settings.correction = asked.correction;
    }
    if differs("method", asked.method != planned.method) {
        settings.method = asked.method;
    }
    // `look` takes the plan from the question.
    differs("planned", question.planned != plan.planned);
    differs("looks", true);
    (settings, what_if)
}

/// The warning of a report that differs from the definition.
pub(super) fn what_if_remark(what_if: &[String]) -> Option<Remark> {
    let message =
        format!("You asked with {}, so this is not the experiment's own result.", listed(what_if));
    (!what_if.is_empty()).then_some(Remark { code: RemarkCode::WhatIf, message })
}

/// What contaminated the groups, in words. The same words are said once.
pub(super) fn disturbance_remarks(document: &Document) -> impl Iterator<Item = Remark> + '_ {
    let mut said = HashSet::new();
    let remarks = document.disturbances.iter().map(|disturbance| {
        let Disturbance { kind, from, until, .. } = disturbance;
        let when = match until {
            Some(until) => format!("From {} to {}", from.in_words(), until.in_words()),
            None => format!("Since {}", from.in_words()),
        };
        let message = format!("{when}: {}", kind.sentence());
        Remark { code: RemarkCode::Disturbance, message }
    });
    remarks.filter(move |remark| said.insert(remark.message.clone()))
}

/// The declared variants and goals with their counts, in the definition's order. What was not
/// counted is 0.
pub(super) fn counts(
    results: &ExperimentResults,
    definition: &Definition,
    values: Option<&Values>,
) -> Counts {
    let trials = |name: &str| {
        let counted = results.variants.iter().find(|variant| variant.label == name);
        counted.map_or(0, |variant| variant.trials)
    };
    let variants = definition.variant_names().map(|name| VariantCounts {
        trials: trials(name.as_str()),
        name: name.to_string(),
        weight: None,
    });
    let participants: Vec<u64> =
        definition.variant_names().map(|name| trials(name.as_str())).collect();
    let goal = |goal: &DefinedGoal| {
        let name = &goal.name;
        let counted = results.goals.iter().find(|goal| goal.goal == name.as_str());
        let successes = |variant: &str| {
            let row = counted?.results.iter().find(|row| row.label == variant)?;
            Some(row.successes)
        };
        let successes = definition.variant_names().map(|one| successes(one.as_str()).unwrap_or(0));
        let all = |values: &VariantValues| Some(values.total);
        let totals = totals::of_goal(goal, definition, &participants, values, all);
        GoalCounts { totals, ..GoalCounts::new(name.as_str(), successes.collect()) }
    };
    let goals = definition.goals.iter().map(goal);
    Counts { variants: variants.collect(), goals: goals.collect(), periods: Vec::new() }
}

/// What was counted and is not declared.
pub(super) fn undeclared(
    results: &ExperimentResults,
    definition: &Definition,
) -> Option<Undeclared> {
    let variants = results.variants.iter().map(|one| &one.label);
    let variants = variants.filter(|one| !definition.has_variant(one));
    let goals = results.goals.iter().map(|one| &one.goal);
    let goals = goals.filter(|one| !definition.has_goal(one));
    let found =
        Undeclared { goals: goals.cloned().collect(), variants: variants.cloned().collect() };
    (!found.goals.is_empty() || !found.variants.is_empty()).then_some(found)
}

/// The note about what was counted and is not declared.
pub(super) fn undeclared_remark(undeclared: &Undeclared) -> Remark {
    let Undeclared { goals, variants } = undeclared;
    let list = |what: &str, names: &[String]| {
        const LISTED: usize = 5;
        let mut shown: Vec<&str> = names.iter().take(LISTED).map(String::as_str).collect();
        let more = format!("{} more", names.len().saturating_sub(LISTED));
        if names.len() > LISTED {
            shown.push(&more);
        }
        (!names.is_empty()).then(|| format!("{what} {}", shown.join(", ")))
    };
    let parts: Vec<String> =
        [list("goals", goals), list("variants", variants)].into_iter().flatten().collect();
    let message = format!(
        "Counted, but not in the definition, so not part of the analysis: {}.",
        parts.join("; ")
    );
    Remark { code: RemarkCode::Undeclared, message }
}

/// What the first start fixed.
fn declared(document: &Document, level: Level) -> Declared {
    let definition = &document.definition;
    let was_declared =
        |name: &Goal| document.first_start.as_ref().is_none_or(|start| start.goals.contains(name));
    let variant = |(name, weight): (&abtest_model::Variant, &f64)| DeclaredVariant {
        name: name.to_string(),
        weight: *weight,
    };
    let goals = definition.goals.iter().filter(|goal| was_declared(&goal.name));
    Declared {
        variants: definition.weights.iter().map(variant).collect(),
        goals: goals
            .map(|goal| DeclaredGoal {
                name: goal.name.to_string(),
                role: match goal.role {
                    GoalRole::Primary => analysis::GoalRole::Primary,
                    GoalRole::Secondary => analysis::GoalRole::Secondary,
                    GoalRole::Guardrail => analysis::GoalRole::Guardrail,
                },
                kind: match goal.kind {
                    GoalKind::Conversion => DeclaredKind::Conversion,
                    GoalKind::Count => DeclaredKind::Count,
                    GoalKind::Value => DeclaredKind::Value,
                },
                better: match goal.better {
                    Better::Higher => analysis::Better::Higher,
                    Better::Lower => analysis::Better::Lower,
                },
                unit: goal.unit.clone(),
                cap: goal.cap,
            })
            .collect(),
        tuning: tuning(definition, level),
    }
}

/// N*, from the minimum lift and the baseline; else from the planned participants of two variants.
fn tuning(definition: &Definition, level: Level) -> f64 {
    let plan = &definition.analysis;
    let effect = plan.baseline.zip(plan.minimum_lift);
    let effect = effect.and_then(|(baseline, lift)| Effect::new(baseline, lift).ok());
    let of_effect = effect.and_then(|effect| Declared::tuning(effect, level, POWER).ok());
    let of_plan = plan.planned.map(|planned| {
        (2.0 * planned as f64 / definition.variants.len().max(2) as f64).clamp(1_000.0, 1e7)
    });
    of_effect.or(of_plan).unwrap_or(DEFAULT_TUNING)
}

fn method(method: AnalysisMethod) -> Method {
    match method {
        AnalysisMethod::AlwaysValid => Method::AlwaysValid,
        AnalysisMethod::Sequential => Method::Sequential,
        AnalysisMethod::Fixed => Method::Fixed,
    }
}

fn correction(correction: MultipleTesting) -> Correction {
    match correction {
        MultipleTesting::Bonferroni => Correction::Bonferroni,
        MultipleTesting::BenjaminiHochberg => Correction::BenjaminiHochberg,
        MultipleTesting::None => Correction::None,
    }
}
