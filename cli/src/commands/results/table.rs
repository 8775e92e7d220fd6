//! Experiments for people: warnings first, then the verdict, then a table per goal with each rate's
//! interval as a bar, all bars on one scale.

use std::collections::{BTreeSet, HashSet};

use abtest_api::document::AnalysedResults;
use abtest_model::Counting;
use abtest_stats::analysis::{
    Analysis, Better, Comparison, GoalAnalysis, GoalKind, Method, VariantEstimate,
};
use abtest_stats::words::{counted, percent, rounded, thousands};

use super::figures::{self, NOTHING, Scale};
use super::matrix::matrix;
use super::report::{self, Footer, Report};
use super::view::{View, short_name};
use crate::grid::{self, Column};
use crate::terminal::{bold, cut, dim, is_quiet, printable, wrap};

/// More experiments than this get one line each.
pub(super) const IN_FULL: usize = 10;

const CHANCE: &str = "chance better";
const REACHED: &str = "reached";
const METHOD: &str = "method";

/// Columns that a narrow screen has no room for, the least important first. A sentence below the
/// tables explains the method.
const LEAST_IMPORTANT: [&str; 2] = [METHOD, CHANCE];

/// Narrower bars are left out.
const NARROWEST_BAR: usize = 11;

const WIDEST_BAR: usize = 41;

/// The experiments in full.
pub(super) fn experiments(found: &[AnalysedResults], namespace: &str, view: View) -> String {
    if found.is_empty() {
        return format!("no experiments in the namespace {}\n", printable(namespace));
    }
    let mut report = Report::default();
    for experiment in found {
        let counting = match experiment.results.counting {
            Counting::Exact => "counted exactly",
            Counting::Hll => "counted by HyperLogLog, give or take 0.81%",
        };
        let participants = counted(experiment.participants(), "participant");
        let memory = experiment.results.memory;
        let memory = memory.map(|bytes| format!(", {} in Redis", figures::bytes(bytes)));
        let facts = format!("{participants}, {counting}{}", memory.unwrap_or_default());
        let head =
            format!("{}  {}\n", bold(&printable(&experiment.results.experiment)), dim(&facts));
        match &experiment.analysis {
            Some(analysis) => add(&mut report, head, analysis, view),
            None => report.add(
                head + "  This abtest sent counts only. Update it to see what they mean.\n",
                Footer::default(),
            ),
        }
    }
    report.text(view)
}

/// The verdicts alone, experiments with the most participants first.
pub(super) fn verdicts(found: &[AnalysedResults], view: View) -> String {
    const INDENT: usize = 14;
    let room = view.width.saturating_sub(INDENT).max(20);
    let mut sorted: Vec<&AnalysedResults> = found.iter().collect();
    sorted.sort_by_key(|experiment| std::cmp::Reverse(experiment.participants()));
    let mut text = "participants  experiment\n".to_owned();
    for experiment in sorted {
        let name = printable(&experiment.results.experiment);
        let count = thousands(experiment.participants());
        text += &format!("{count:>12}  {}\n", bold(&cut(&name, room)));
        if let Some(summary) = &experiment.summary {
            for line in wrap(&printable(&summary.sentence), room) {
                text += &format!("{:INDENT$}{line}\n", "");
            }
        }
    }
    if !is_quiet() {
        text += &dim("`abtest results NAME` shows one experiment with its numbers.");
        text += "\n";
    }
    text
}

/// One analysis, without an experiment's name.
pub(crate) fn analysis(analysis: &Analysis, view: View) -> String {
    let mut report = Report::default();
    add(&mut report, String::new(), analysis, view);
    report.text(view)
}

fn add(report: &mut Report, head: String, analysis: &Analysis, view: View) {
    let mut text = head;
    text += &report::warnings(analysis, view);
    for line in wrap(&printable(&analysis.verdict.sentence), view.room()) {
        text += &format!("  {}\n", bold(&line));
    }
    let mut said = HashSet::from([analysis.verdict.sentence.clone()]);
    let mut hidden = BTreeSet::new();
    let mut has_bars = false;
    for goal in &analysis.goals {
        text += "\n";
        let table = Table::new(goal, analysis, view);
        text += &table.text();
        hidden.extend(table.hidden);
        has_bars |= table.has_bars;
        let direction =
            (goal.better == Better::Lower).then(|| format!("{}: lower is better.", goal.goal));
        let sentences = direction.into_iter().chain([goal.verdict.sentence.clone()]);
        for sentence in sentences.chain(remarks(goal, analysis)) {
            if !said.insert(sentence.clone()) {
                continue;
            }
            for line in wrap(&printable(&sentence), view.room()) {
                text += &format!("  {}\n", dim(&line));
            }
        }
        if view.matrix {
            text += "\n";
            text += &matrix(goal, view);
        }
    }
    let footer = Footer::new(analysis, has_bars, hidden, view);
    report.add(text, footer);
}

/// The table of one goal.
struct Table {
    columns: Vec<Column>,
    /// The columns that the screen has no room for.
    hidden: Vec<&'static str>,
    has_bars: bool,
}

impl Table {
    fn new(goal: &GoalAnalysis, analysis: &Analysis, view: View) -> Self {
        let mut columns = columns(goal, analysis);
        let mut hidden = Vec::new();
        let mut bars = bars(goal, &columns, view.width);
        let is_too_wide =
            |columns: &[Column]| columns.iter().map(Column::width).sum::<usize>() > view.width;
        for name in LEAST_IMPORTANT {
            if bars.is_some() || (!is_too_wide(&columns) && !has_intervals(goal)) {
                break;
            }
            columns.retain(|column| column.head != name);
            hidden.push(name);
            bars = self::bars(goal, &columns, view.width);
        }
        // The counts are worth more than bars.
        if is_too_wide(&columns) {
            columns.retain(|column| column.head != REACHED);
            hidden.push(REACHED);
        }
        let has_bars = bars.is_some();
        if let Some(bars) = bars {
            let after_rate = columns.iter().position(|column| column.head == "lift").unwrap_or(0);
            columns.insert(after_rate, bars);
        } else if has_intervals(goal) {
            hidden.push("bars");
        }
        Self { columns, hidden, has_bars }
    }

    fn text(&self) -> String {
        grid::lines(&self.columns.iter().collect::<Vec<_>>())
    }
}

fn has_intervals(goal: &GoalAnalysis) -> bool {
    goal.variants.iter().any(|variant| variant.low.is_some())
}

fn columns(goal: &GoalAnalysis, analysis: &Analysis) -> Vec<Column> {
    let comparison =
        |v: &VariantEstimate| goal.against_control.iter().find(|one| one.variant == v.variant);
    let column = |head: &str, right, cell: &dyn Fn(&VariantEstimate) -> String| Column {
        head: head.to_owned(),
        cells: goal.variants.iter().map(cell).collect(),
        right,
    };
    let of_comparison = |head: &str, right, cell: &dyn Fn(&Comparison) -> String| {
        column(head, right, &|v| comparison(v).map(cell).unwrap_or_default())
    };
    vec![
        column(&short_name(&goal.goal), false, &|v| short_name(&v.variant)),
        column(REACHED, true, &|v| {
            format!("{} of {}", thousands(v.successes), thousands(v.trials))
        }),
        column(&rate_head(goal), true, &|v| figures::rate(v.rate, goal.kind)),
        column("lift", true, &|v| match comparison(v) {
            Some(comparison) => figures::lift(comparison.lift),
            None if analysis.control.as_ref() == Some(&v.variant) => "control".to_owned(),
            None => NOTHING.to_owned(),
        }),
        of_comparison(&interval_head(goal, analysis), false, &|c| {
            figures::between(c.lift_low, c.lift_high)
        }),
        of_comparison(METHOD, false, &|c| method(c.method).to_owned()),
        of_comparison(CHANCE, true, &|c| figures::chance(c.chance_to_beat)),
    ]
}

/// "rate", or "mean EUR" for totals per participant.
pub(super) fn rate_head(goal: &GoalAnalysis) -> String {
    match (goal.kind, &goal.unit) {
        (GoalKind::Mean, Some(unit)) => format!("mean {}", printable(unit)),
        (GoalKind::Mean, None) => "mean".to_owned(),
        (GoalKind::Proportion | GoalKind::Rate, _) => "rate".to_owned(),
    }
}

/// The intervals' head with their own level. It can differ from the level that was asked for: the
/// first look fixes it, and several comparisons share it.
pub(super) fn interval_head(goal: &GoalAnalysis, analysis: &Analysis) -> String {
    let mut levels = goal.against_control.iter().filter_map(|one| one.interval_level);
    let first = levels.next().unwrap_or(analysis.level);
    if levels.all(|level| level == first) {
        format!("{} interval", figures::level(first))
    } else {
        "interval".to_owned()
    }
}

/// The method, as the API names it.
pub(super) fn method(method: Method) -> &'static str {
    match method {
        Method::AlwaysValid => "always_valid",
        Method::Sequential => "sequential",
        Method::Fixed => "fixed",
    }
}

/// The bars, as wide as the other columns leave room; `None` if that is too little.
fn bars(goal: &GoalAnalysis, others: &[Column], width: usize) -> Option<Column> {
    let taken: usize = others.iter().map(Column::width).sum();
    let room = width.saturating_sub(taken + 4).min(WIDEST_BAR);
    let intervals = goal.variants.iter().filter_map(|v| Some((v.low?, v.high?)));
    let scale = Scale::around(intervals).filter(|_| room >= NARROWEST_BAR)?;
    let bar = |variant: &VariantEstimate| match (variant.low, variant.rate, variant.high) {
        (Some(low), Some(rate), Some(high)) => scale.bar(low, rate, high, room),
        _ => String::new(),
    };
    let cells = goal.variants.iter().map(bar).collect();
    Some(Column { head: scale.ends(goal.kind, room), cells, right: false })
}

/// Why numbers are missing, and how many participants a test needs.
pub(super) fn remarks(goal: &GoalAnalysis, analysis: &Analysis) -> Vec<String> {
    let mut sentences = Vec::new();
    for comparison in &goal.against_control {
        let unit = goal.unit.as_deref();
        // The lift says as much of rates.
        if let (GoalKind::Mean, Some(low), Some(high)) =
            (goal.kind, comparison.difference_low, comparison.difference_high)
        {
            sentences.push(format!(
                "{}: {} per participant ({} to {}).",
                comparison.variant,
                figures::difference(comparison.difference, unit),
                figures::difference(Some(low), None),
                figures::difference(Some(high), unit)
            ));
        }
    }
    for comparison in goal.against_control.iter().filter(|one| one.lift_low.is_none()) {
        if let Some(reason) = &comparison.reason {
            sentences.push(format!("{}: {reason}.", comparison.variant));
        }
    }
    let needed = goal.against_control.first().map(|comparison| &comparison.sample_needed);
    let Some(needed) = needed else { return sentences };
    let lift = percent(analysis.minimum_lift);
    match (analysis.method, needed.per_variant_always_valid, needed.per_variant) {
        (Method::AlwaysValid, Some(at_any_time), Some(once)) => sentences.push(format!(
            "Detecting a {lift} lift needs about {} participants per variant, or {} if you look \
             only once, at the end.",
            rounded(at_any_time),
            rounded(once)
        )),
        (Method::Sequential | Method::Fixed, _, Some(once)) => sentences.push(format!(
            "Detecting a {lift} lift needs about {} participants per variant.",
            rounded(once)
        )),
        _ => {}
    }
    sentences
}
