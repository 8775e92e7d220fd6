//! An experiment for people: warnings first, the verdict, then a table a goal with each variant's
//! interval as a bar, all on one scale.

use abtest_stats::words::{percent, thousands};

use super::figures::{self, NOTHING, Scale};
use super::grid::{self, Column};
use super::matrix::matrix;
use super::report::{Analysis, Counting, Experiment, Goal, Looks, Method, Variant};
use super::view::{View, short_name};
use crate::terminal::{bold, cut, dim, printable, wrap, yellow};

/// With more experiments than this each has one line.
const IN_FULL: usize = 10;

/// The chance to beat the control.
const CHANCE: &str = "chance better";

/// A bar is no narrower than this, or it is left out,
const NARROWEST_BAR: usize = 11;

/// and no wider than this.
const WIDEST_BAR: usize = 41;

/// The experiments for a screen.
pub(super) fn experiments(experiments: &[Experiment], namespace: &str, view: View) -> String {
    if experiments.is_empty() {
        return format!("no experiments in the namespace {}\n", printable(namespace));
    }
    if experiments.len() > IN_FULL {
        return verdicts(experiments, view.width);
    }
    let shown: Vec<String> = experiments.iter().map(|one| experiment(one, view)).collect();
    shown.join("\n")
}

/// Each experiment's verdict alone, those with the most participants first.
fn verdicts(experiments: &[Experiment], width: usize) -> String {
    let mut sorted: Vec<&Experiment> = experiments.iter().collect();
    sorted.sort_by_key(|experiment| std::cmp::Reverse(experiment.participants()));
    let mut text = "participants  experiment\n".to_owned();
    for experiment in sorted {
        let name = printable(&experiment.experiment);
        let count = thousands(experiment.participants());
        text += &format!("{count:>12}  {}\n", bold(&cut(&name, width.saturating_sub(14))));
        if let Some(analysis) = &experiment.analysis {
            for line in wrap(&printable(&analysis.verdict.sentence), width.saturating_sub(14)) {
                text += &format!("{:14}{line}\n", "");
            }
        }
    }
    text + &dim("`abtest results NAME` shows one with its numbers") + "\n"
}

fn experiment(experiment: &Experiment, view: View) -> String {
    let counting = match experiment.counting {
        Counting::Exact => "counted exactly",
        Counting::Hll => "counted by HyperLogLog, give or take 0.81%",
    };
    let participants = thousands(experiment.participants());
    let memory = experiment.memory.map(|bytes| format!(", {} in Redis", figures::bytes(bytes)));
    let mut text = format!(
        "{}  {}\n",
        bold(&printable(&experiment.experiment)),
        dim(&format!("{participants} participants, {counting}{}", memory.unwrap_or_default()))
    );
    match &experiment.analysis {
        Some(found) => text += &analysis(found, view),
        None => text += "  this abtest counts only; update it to see what the counts mean\n",
    }
    text
}

/// What an experiment's counts mean.
pub(crate) fn analysis(analysis: &Analysis, view: View) -> String {
    let mut text = String::new();
    let room = view.room();
    for warning in &analysis.warnings {
        for (index, line) in wrap(&printable(&warning.message), room).iter().enumerate() {
            let mark = if index == 0 { "! " } else { "  " };
            text += &format!("  {}\n", yellow(&format!("{mark}{line}")));
        }
    }
    for line in wrap(&printable(&analysis.verdict.sentence), room) {
        text += &format!("  {}\n", bold(&line));
    }
    for goal in &analysis.goals {
        text += "\n";
        text += &table(goal, analysis, view);
        // With one goal its verdict is the experiment's.
        if analysis.goals.len() > 1 {
            for line in wrap(&printable(&goal.verdict.sentence), room) {
                text += &format!("  {line}\n");
            }
        }
        if view.matrix {
            text += "\n";
            text += &matrix(goal, view);
        }
    }
    if !analysis.goals.is_empty() {
        text += "\n";
        for line in footer(analysis).iter().flat_map(|sentence| wrap(sentence, room)) {
            text += &format!("  {}\n", dim(&line));
        }
    }
    text
}

/// How the numbers came to be.
fn footer(analysis: &Analysis) -> Vec<String> {
    let mut sentences: Vec<String> =
        analysis.notes.iter().map(|note| printable(&note.message)).collect();
    sentences.push(analysis.method_explanation.clone());
    sentences.extend(analysis.looks.as_ref().map(looks));
    let of_rates = analysis.goals.iter().flat_map(|goal| &goal.variants).map(|v| v.counter_share);
    let of_differences =
        analysis.goals.iter().flat_map(|goal| &goal.against_control).map(|c| c.counter_share);
    let share = of_rates.chain(of_differences).flatten().fold(0.0, f64::max);
    if share >= 0.005 {
        sentences.push(format!(
            "The counters' own error is up to {} of an interval's width.",
            percent(share)
        ));
    }
    sentences
}

fn looks(looks: &Looks) -> String {
    let planned = thousands(looks.planned);
    let taken: Vec<String> = looks.taken.iter().map(|look| thousands(look.participants)).collect();
    match taken.as_slice() {
        [] => format!("No look counts yet of the {planned} participants planned."),
        taken => format!("Looks at {} of {planned} participants planned.", taken.join("; ")),
    }
}

fn table(goal: &Goal, analysis: &Analysis, view: View) -> String {
    let of = |cell: &dyn Fn(&Variant) -> String| goal.variants.iter().map(cell).collect();
    let comparison = |variant: &Variant| goal.comparison(&variant.variant);
    let is_control =
        |variant: &Variant| analysis.control.as_deref() == Some(variant.variant.as_str());
    let evidence = |variant: &Variant| comparison(variant).map(|c| c.evidence());
    let level = percent(analysis.level);
    let column = |head: &str, right, cells| Column { head: head.to_owned(), cells, right };
    let name = column(&short_name(&goal.goal), false, of(&|v| short_name(&v.variant)));
    let reached = column(
        "reached",
        true,
        of(&|v| format!("{} of {}", thousands(v.successes), thousands(v.trials))),
    );
    let rate = column("rate", true, of(&|v| figures::rate(v.rate, goal.kind)));
    let lift = column(
        "lift",
        true,
        of(&|v| match comparison(v) {
            Some(comparison) => figures::lift(comparison.lift),
            None if is_control(v) => "control".to_owned(),
            None => NOTHING.to_owned(),
        }),
    );
    let between = column(
        &format!("{level} interval"),
        false,
        of(&|v| match evidence(v) {
            Some(evidence) => figures::between(evidence.lift_low, evidence.lift_high),
            None => String::new(),
        }),
    );
    let chance = column(
        CHANCE,
        true,
        of(&|v| match comparison(v) {
            Some(comparison) => figures::chance(comparison.chance_to_beat),
            None => String::new(),
        }),
    );
    let mut shown = vec![name, reached, rate, lift, between, chance];
    let mut drawn = bars(goal, &shown, view.width);
    // Where all does not fit, the least needed go: the chance, then how many reached it.
    for least_needed in [CHANCE, "reached"] {
        if drawn.is_none() {
            shown.retain(|column| column.head != least_needed);
            drawn = bars(goal, &shown, view.width);
        }
    }
    let after_rate = shown.iter().position(|column| column.head == "lift").unwrap_or(0);
    if let Some(bars) = drawn {
        shown.insert(after_rate, bars);
    }
    let mut text = grid::lines(&shown.iter().collect::<Vec<_>>());
    for line in remarks(goal, analysis, view.room()) {
        text += &format!("  {}\n", dim(&line));
    }
    text
}

/// The bars, as wide as the other columns leave room for; none where that is too little.
fn bars(goal: &Goal, others: &[Column], width: usize) -> Option<Column> {
    let taken: usize = others.iter().map(Column::width).sum();
    let room = width.saturating_sub(taken + 4).min(WIDEST_BAR);
    let intervals = goal.variants.iter().filter_map(|v| Some((v.low?, v.high?)));
    let scale = Scale::around(intervals).filter(|_| room >= NARROWEST_BAR)?;
    let bar = |variant: &Variant| match (variant.low, variant.rate, variant.high) {
        (Some(low), Some(rate), Some(high)) => scale.bar(low, rate, high, room),
        _ => String::new(),
    };
    let cells = goal.variants.iter().map(bar).collect();
    Some(Column { head: scale.ends(goal.kind, room), cells, right: false })
}

/// Why something is missing, and how many visitors it takes.
fn remarks(goal: &Goal, analysis: &Analysis, room: usize) -> Vec<String> {
    let mut sentences = Vec::new();
    for comparison in &goal.against_control {
        let evidence = comparison.evidence();
        if let Some(reason) = evidence.reason.as_ref()
            && evidence.lift_low.is_none()
        {
            sentences.push(format!("{}: {reason}", comparison.variant));
        }
    }
    let needed = goal.against_control.first().map(|comparison| &comparison.sample_needed);
    let needed = needed.and_then(|n| Some((n.per_variant_always_valid?, n.per_variant?)));
    if let Some((always_valid, fixed)) = needed {
        let lift = percent(analysis.minimum_lift);
        sentences.push(match analysis.method {
            Method::AlwaysValid => format!(
                "a lift of {lift} takes about {} participants a variant to show, {} if one looks \
                 only then",
                thousands(always_valid),
                thousands(fixed)
            ),
            Method::Sequential | Method::Fixed => format!(
                "a lift of {lift} takes about {} participants a variant to show",
                thousands(fixed)
            ),
        });
    }
    sentences.iter().flat_map(|sentence| wrap(&printable(sentence), room)).collect()
}
