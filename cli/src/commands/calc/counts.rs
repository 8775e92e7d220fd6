//! Which variant is better: the same analysis and the same table as for an experiment.

use std::io::IsTerminal;
use std::str::FromStr;

use abtest_model::Percentage;
use abtest_stats::Level;
use abtest_stats::analysis::{
    Counts, Declared, GoalCounts, Method, SampleRatioCheck, Settings, VariantCounts, analyse,
};
use abtest_stats::counter_error::Counter;
use anyhow::Result;

use crate::commands::results::{View, show_analysis};
use crate::numbers::{count, level, minimum_lift, weight};
use crate::terminal;
use crate::usage::WrongUsage;

/// The counts, and how to analyse them.
#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// Participants/successes per variant, the control first, such as 1000/50.
    #[arg(value_name = "COUNTS")]
    variants: Vec<Pair>,
    /// Names of the variants [default: A,B,…].
    #[arg(long, value_delimiter = ',', requires = "variants")]
    names: Vec<String>,
    /// The planned split, such as 50,50. Without it the split is not checked.
    #[arg(long, value_delimiter = ',', requires = "variants", value_parser = weight)]
    weights: Vec<f64>,
    /// The level of intervals and tests.
    #[arg(long, value_parser = level, default_value = "95%")]
    level: Percentage,
    /// How often you may look.
    #[arg(long, value_enum, default_value_t = CalcMethod::AlwaysValid)]
    method: CalcMethod,
    /// The smallest lift that matters to you.
    #[arg(long, value_name = "LIFT", value_parser = minimum_lift, default_value = "5%")]
    minimum_lift: Percentage,
    /// Compare every variant with every other one, too.
    #[arg(long, requires = "variants", conflicts_with = "json")]
    matrix: bool,
}

/// The methods that need nothing but counts.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum CalcMethod {
    /// As often as you like, at any time
    #[value(name = "always_valid")]
    AlwaysValid,
    /// Once, at a number of participants fixed in advance
    Fixed,
}

/// The only goal.
const GOAL: &str = "successes";

/// A variant's counts.
#[derive(Debug, Clone, Copy)]
struct Pair {
    trials: u64,
    successes: u64,
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((trials, successes)) = text.split_once('/') else {
            return Err("write participants/successes, such as 1000/50".to_owned());
        };
        let (trials, successes) = (count(trials)?, count(successes)?);
        if successes > trials {
            return Err(format!(
                "{successes} successes are more than {trials} participants; write \
                 participants/successes, such as 1000/50"
            ));
        }
        Ok(Self { trials, successes })
    }
}

impl Asked {
    /// Whether no counts were given.
    pub(super) fn is_empty(&self) -> bool {
        self.variants.is_empty()
    }
}

pub(super) fn answer(arguments: &Asked, json: bool) -> Result<String> {
    let counts = counts(arguments)?;
    // All comparisons are given, so no later name can widen the family.
    let declared = Declared::as_counted(&counts, Some(GOAL));
    let settings = Settings { declared: Some(declared), ..settings(arguments)? };
    let mut analysis = analyse(&counts, &settings)?;
    if arguments.weights.is_empty() {
        // It compared the split with itself.
        let reason = "no weights are given".to_owned();
        analysis.sample_ratio = SampleRatioCheck::unknown(reason, None);
    }
    if json {
        return Ok(serde_json::to_string_pretty(&analysis)? + "\n");
    }
    let view = View {
        width: terminal::size().0,
        is_terminal: std::io::stdout().is_terminal(),
        matrix: arguments.matrix,
        whole: "--json",
    };
    let mut shown = show_analysis(&analysis, view);
    if arguments.weights.is_empty() && arguments.variants.len() > 1 && !terminal::is_quiet() {
        let hint = format!(
            "Add --weights {} to check for an equal split, too.",
            equal(arguments.variants.len())
        );
        shown += &format!("  {}\n", terminal::dim(&hint));
    }
    Ok(shown)
}

/// The weights of an equal split.
fn equal(variants: usize) -> String {
    vec!["1"; variants].join(",")
}

/// The name of a variant that was given none.
fn letter(index: usize) -> String {
    match u8::try_from(index) {
        Ok(index @ 0..26) => char::from(b'A' + index).to_string(),
        _ => format!("variant {}", index + 1),
    }
}

fn counts(arguments: &Asked) -> Result<Counts> {
    let given = arguments.variants.len();
    for (list, length) in [("names", arguments.names.len()), ("weights", arguments.weights.len())] {
        if length != 0 && length != given {
            let example = match list {
                "names" => (0..given).map(letter).collect::<Vec<_>>().join(","),
                _ => equal(given),
            };
            let what = format!(
                "--{list} has {length} for {given} variants; give one per variant, such as {example}"
            );
            return Err(WrongUsage::new(what).into());
        }
    }
    let weights = &arguments.weights;
    let is_share = |&weight: &f64| weight.is_finite() && weight >= 0.0;
    if !weights.iter().all(is_share) || (!weights.is_empty() && weights.iter().all(|&w| w == 0.0)) {
        let example = equal(given);
        let what = format!("--weights must be 0 or more, and not all 0, such as {example}");
        return Err(WrongUsage::new(what).into());
    }
    for (index, name) in arguments.names.iter().enumerate() {
        if name.trim().is_empty() {
            return Err(WrongUsage::new("--names has an empty name; name each variant").into());
        }
        if arguments.names[..index].contains(name) {
            let name = terminal::printable(name);
            let what = format!("--names has `{name}` twice; give each variant its own name");
            return Err(WrongUsage::new(what).into());
        }
    }
    let variants = arguments.variants.iter().enumerate().map(|(index, pair)| VariantCounts {
        name: arguments.names.get(index).cloned().unwrap_or_else(|| letter(index)),
        trials: pair.trials,
        // Without weights, the split seen is the planned one: it is not checked.
        weight: Some(arguments.weights.get(index).copied().unwrap_or(pair.trials as f64)),
    });
    let successes = arguments.variants.iter().map(|pair| pair.successes).collect();
    let goal = GoalCounts::new(GOAL, successes);
    Ok(Counts { variants: variants.collect(), goals: vec![goal], periods: Vec::new() })
}

fn settings(arguments: &Asked) -> Result<Settings> {
    let control = arguments.names.first().cloned().unwrap_or_else(|| "A".to_owned());
    Ok(Settings {
        control: Some(control),
        counter: Counter::Exact,
        level: Level::new(arguments.level.get())?,
        method: match arguments.method {
            CalcMethod::AlwaysValid => Method::AlwaysValid,
            CalcMethod::Fixed => Method::Fixed,
        },
        minimum_lift: arguments.minimum_lift.get(),
        ..Settings::default()
    })
}
