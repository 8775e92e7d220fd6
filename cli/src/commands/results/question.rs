//! The flags that say how to analyse the counts. The API has the defaults.

use abtest_model::Percentage;
use clap::ValueEnum;

use crate::numbers::{count, level, minimum_lift, power};

/// How to analyse the counts.
#[derive(Debug, clap::Args)]
pub(super) struct Question {
    /// Show this goal only. Its verdict is the experiment's.
    #[arg(long)]
    pub(super) goal: Option<String>,
    /// The variant to compare the others with [default: the one set for the experiment, else one
    /// called control, original, baseline, default or off, else the first by name].
    #[arg(long, value_name = "VARIANT")]
    control: Option<String>,
    /// The level of intervals and tests [default: 95%].
    #[arg(long, value_parser = level)]
    level: Option<Percentage>,
    /// How often you may look [default: always_valid].
    #[arg(long, value_enum)]
    pub(super) method: Option<Method>,
    /// Take a look that may end the experiment, and store it. Only with this flag does the
    /// sequential method move on.
    #[arg(long, requires = "experiment", conflicts_with_all = ["watch", "looks"])]
    pub(super) look: bool,
    /// For the first look: the number of participants, in all variants together, at which the
    /// experiment ends.
    #[arg(long, value_name = "PARTICIPANTS", value_parser = count)]
    pub(super) planned: Option<u64>,
    /// With --planned and --method sequential: the number of participants at each earlier look, if
    /// you keep the looks yourself.
    #[arg(long, value_name = "PARTICIPANTS", value_parser = count, value_delimiter = ',',
          requires = "planned")]
    looks: Vec<u64>,
    /// How to correct for several comparisons [default: bonferroni].
    #[arg(long, value_enum)]
    correction: Option<Correction>,
    /// The smallest lift that matters to you [default: 5%].
    #[arg(long, value_name = "LIFT", value_parser = minimum_lift)]
    minimum_lift: Option<Percentage>,
    /// The probability to find it [default: 80%].
    #[arg(long, value_parser = power)]
    power: Option<Percentage>,
}

/// When you may look so that the level still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Method {
    /// As often as you like, at any time
    #[value(name = "always_valid")]
    AlwaysValid,
    /// At the looks taken with --look
    Sequential,
    /// Once, at a number of participants fixed in advance
    Fixed,
}

/// How p-values and intervals account for several comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Correction {
    /// Limits the chance of any false alarm in a family of comparisons
    Bonferroni,
    /// Limits the share of false alarms among all alarms
    #[value(name = "benjamini_hochberg", alias = "bh")]
    BenjaminiHochberg,
    /// No correction
    None,
}

impl Question {
    /// The flags as parameters of the API.
    pub(super) fn parameters(&self) -> Vec<(&'static str, String)> {
        let text = |value: Option<Percentage>| value.map(|value| value.to_string());
        let looks: Vec<String> = self.looks.iter().map(u64::to_string).collect();
        let named = [
            ("goal", self.goal.clone()),
            ("control", self.control.clone()),
            ("level", text(self.level)),
            ("method", self.method.map(name)),
            ("planned", self.planned.map(|planned| planned.to_string())),
            ("looks", (!looks.is_empty()).then(|| looks.join(","))),
            ("correction", self.correction.map(name)),
            ("minimum_lift", text(self.minimum_lift)),
            ("power", text(self.power)),
        ];
        named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// An API error in the words of the command line: flags instead of parameters.
pub(super) fn name_flags(message: &str) -> String {
    const PARAMETERS: [&str; 9] = [
        "goal",
        "control",
        "level",
        "method",
        "planned",
        "looks",
        "correction",
        "minimum_lift",
        "power",
    ];
    let mut text = message.to_owned();
    for parameter in PARAMETERS {
        let flag = flag(parameter);
        // Only where the API speaks of a parameter: names in the message can be the same words.
        for (of_api, of_cli) in [
            (format!("parameter `{parameter}`"), flag.clone()),
            (format!("leave `{parameter}` out"), format!("leave {flag} out")),
            (format!("reached `{parameter}`:"), format!("reached {flag}:")),
            (format!("`{parameter}="), format!("`{flag} ")),
        ] {
            text = text.replacen(&of_api, &of_cli, 1);
        }
    }
    text.replace(" (in a URL, write % as %25)", "")
}

/// The flag that sends a parameter of the API.
pub(super) fn flag(parameter: &str) -> String {
    format!("--{}", parameter.replace('_', "-"))
}

fn name(value: impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_flags() {
        for (of_api, of_cli) in [
            ("parameter `minimum_lift` must be above 0", "--minimum-lift must be above 0"),
            ("leave `planned` out", "leave --planned out"),
            ("goes with `method=sequential` only", "goes with `--method sequential` only"),
            (
                "parameter `control` names no variant of this experiment; it has `control`, `goal`",
                "--control names no variant of this experiment; it has `control`, `goal`",
            ),
        ] {
            assert_eq!(name_flags(of_api), of_cli);
        }
    }
}
