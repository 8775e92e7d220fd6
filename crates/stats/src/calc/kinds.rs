//! The kinds: each reads its input, calls its function and names the results.

use super::input::{
    ConfidenceSequence, Counts, Duel, EffectiveTrials, Effects, Events, GroupSequential, MeanPower,
    MeanSampleSize, Moments, OneProportion, PValues, Pair, Power, SampleRatio, SampleSize,
    ValueMethod, Values, Variants,
};
use crate::confidence_sequence::Rho;
use crate::error::Error;
use crate::fieller;
use crate::heterogeneity::{self, Effect};
use crate::level::{Interval, Level};
use crate::mean::{Contrast, Reach};
use crate::proportion::Proportion;
use crate::rate_ratio::Rate;
use crate::totals::{Sums, Totals};
use crate::two_proportion::ZTest;
use crate::welch::Sample;
use crate::{
    bayes, confidence_sequence, counter_error, group_sequential, many_comparisons, rate_ratio,
    sample_ratio, sample_size, two_proportion, welch,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

type Answer = Result<Map<String, Value>, String>;
type Kind = (&'static str, fn(&Value) -> Answer);

pub(super) const KINDS: [Kind; 18] = [
    ("proportion", proportion),
    ("two_proportion", compare_proportions),
    ("chance_to_beat", chance_to_beat),
    ("win_probabilities", win_probabilities),
    ("rate_ratio", compare_rates),
    ("welch", compare_means),
    ("values", compare_values),
    ("sample_ratio", check_sample_ratio),
    ("sample_size", plan_sample_size),
    ("power", plan_power),
    ("mean_sample_size", plan_mean_sample_size),
    ("mean_power", plan_mean_power),
    ("confidence_sequence", always_valid),
    ("group_sequential", bounds),
    ("holm", holm),
    ("benjamini_hochberg", benjamini_hochberg),
    ("cochran_q", cochran_q),
    ("effective_trials", effective_trials),
];

fn proportion(input: &Value) -> Answer {
    let input: OneProportion = read(input)?;
    let proportion = Proportion::new(input.successes, input.trials).map_err(text)?;
    let interval = proportion.wilson(level(input.level)?);
    let result =
        json!({"rate": proportion.rate(), "low": interval.map(low), "high": interval.map(high)});
    explained(result, "without trials there is no estimate")
}

fn compare_proportions(input: &Value) -> Answer {
    let input: Pair<Counts> = read(input)?;
    let (control, variant) = (counts(input.control)?, counts(input.variant)?);
    let seen = two_proportion::two_proportion(control, variant, level(input.level)?);
    let difference = seen.difference.map(|d| d.interval);
    let reason = if control.trials() == 0.0 || variant.trials() == 0.0 {
        "without trials there is no estimate"
    } else if seen.test.is_none() {
        "nothing varies if all trials succeeded or none, so there is no test; a lift needs successes"
    } else {
        "a lift needs successes of the control, its interval needs successes of both"
    };
    let result = json!({
        "difference": seen.difference.map(|d| d.value),
        "difference_low": difference.map(low), "difference_high": difference.map(high),
        "z": seen.test.map(z), "p_value": seen.test.map(p_value),
        "lift": seen.lift,
        "lift_low": seen.lift_interval.map(low), "lift_high": seen.lift_interval.map(high),
    });
    explained(result, reason)
}

fn chance_to_beat(input: &Value) -> Answer {
    let input: Duel = read(input)?;
    object(json!(bayes::chance_to_beat(counts(input.control)?, counts(input.variant)?)))
}

fn win_probabilities(input: &Value) -> Answer {
    let input: Variants = read(input)?;
    if input.variants.is_empty() {
        return Err(text(Error::TooFew { name: "variants", least: 1, given: 0 }));
    }
    let variants = input.variants.into_iter().map(counts).collect::<Result<Vec<_>, _>>()?;
    object(json!(bayes::win_probabilities(&variants)))
}

fn compare_rates(input: &Value) -> Answer {
    let input: Pair<Events> = read(input)?;
    let rate = |e: Events| Rate::new(e.count, e.participants).map_err(text);
    let (control, variant) = (rate(input.control)?, rate(input.variant)?);
    let seen = rate_ratio::rate_ratio(control, variant, level(input.level)?);
    let reason = if control.participants() == 0.0 || variant.participants() == 0.0 {
        "without participants there is no rate"
    } else {
        "a ratio needs events of the control, its interval events of both, and a test events of either"
    };
    let result = json!({
        "ratio": seen.ratio,
        "ratio_low": seen.interval.map(low), "ratio_high": seen.interval.map(high),
        "z": seen.test.map(z), "p_value": seen.test.map(p_value),
    });
    explained(result, reason)
}

fn compare_means(input: &Value) -> Answer {
    let input: Pair<Moments> = read(input)?;
    let sample = |m: Moments| Sample::new(m.n, m.mean, m.variance).map_err(text);
    let (control, variant) = (sample(input.control)?, sample(input.variant)?);
    let seen = welch::welch(control, variant, level(input.level)?);
    let difference = control.mean().zip(variant.mean()).map(|(from, to)| to - from);
    let reason = if control.n() < 2.0 || variant.n() < 2.0 {
        "each variant needs at least two values"
    } else {
        "all values are equal, so there is no test"
    };
    let result = json!({
        "difference": difference,
        "low": seen.map(|w| w.interval.low), "high": seen.map(|w| w.interval.high),
        "t": seen.map(|w| w.t), "df": seen.map(|w| w.df), "p_value": seen.map(|w| w.p_value),
    });
    explained(result, reason)
}

fn compare_values(input: &Value) -> Answer {
    let input: Values = read(input)?;
    let totals = |sums: super::input::Sums| {
        let super::input::Sums { participants, with_value, sum, .. } = sums;
        let super::input::Sums { sum_of_squares, largest, decimals, .. } = sums;
        let sums = Sums { participants, with_value, sum, sum_of_squares, largest, decimals };
        Totals::new(sums).map_err(text)
    };
    let (control, variant) = (totals(input.control)?, totals(input.variant)?);
    let level = from_alpha(input.alpha)?;
    let (from, to) = (control.sample(), variant.sample());
    let contrast = match input.method {
        ValueMethod::Fixed => welch::contrast(from, to, [0.0; 2]),
        ValueMethod::AlwaysValid => {
            let tuning = input.tuning.unwrap_or(confidence_sequence::DEFAULT_TUNING);
            let rho = Rho::tuned(level, tuning).map_err(text)?;
            let reach = Reach::Always { rho, n: from.n() + to.n() };
            let means = from.mean_with_variance(0.0).zip(to.mean_with_variance(0.0));
            means.and_then(|(from, to)| Contrast::new(from, to, reach))
        }
    };
    let means = from.mean_with_variance(0.0).zip(to.mean_with_variance(0.0));
    let chances = means.and_then(|(from, to)| bayes::means::chance_to_beat(from, to));
    let difference = contrast.and_then(|c| c.difference_interval(level));
    let lift = contrast.and_then(|c| c.lift_interval(level));
    let advice = control.ready().and_then(|()| variant.ready()).err();
    let reason = if contrast.is_none() {
        "each variant needs at least two participants, and a total that differs"
    } else {
        fieller::NOT_ABOVE_ZERO
    };
    let result = json!({
        "control_mean": from.mean(), "variant_mean": to.mean(),
        "control_sd": from.variance().sqrt(), "variant_sd": to.variance().sqrt(),
        "difference": contrast.map(|c| c.difference()),
        "difference_low": difference.map(low), "difference_high": difference.map(high),
        "lift": contrast.and_then(|c| c.lift()),
        "lift_low": lift.map(low), "lift_high": lift.map(high),
        "z": contrast.map(|c| c.z()), "p_value": contrast.map(|c| c.p_value()),
        "chance": chances.map(|c| c.chance), "expected_loss": chances.map(|c| c.expected_loss),
    });
    let mut answer = explained(result, reason)?;
    answer.insert("can_decide".to_owned(), json!(advice.is_none()));
    if let Some(advice) = advice {
        answer.insert("advice".to_owned(), json!(advice.advice()));
    }
    Ok(answer)
}

fn check_sample_ratio(input: &Value) -> Answer {
    let input: SampleRatio = read(input)?;
    let errors = vec![input.counter_error; input.trials.len()];
    let check = sample_ratio::sample_ratio(&input.trials, &input.weights, &errors).map_err(text)?;
    let result = json!({"statistic": check.statistic, "p_value": check.p_value});
    explained(result, "a variant of weight 0 has trials, which chance cannot explain")
}

fn plan_sample_size(input: &Value) -> Answer {
    let input: SampleSize = read(input)?;
    let effect = sample_size::Effect::new(input.baseline, input.lift).map_err(text)?;
    let power = input.power.unwrap_or(0.8);
    let n = sample_size::sample_size(effect, from_alpha(input.alpha)?, power).map_err(text)?;
    object(json!({"per_variant": n}))
}

fn plan_power(input: &Value) -> Answer {
    let input: Power = read(input)?;
    let effect = sample_size::Effect::new(input.baseline, input.lift).map_err(text)?;
    let n = crate::error::count("per_variant", input.per_variant).map_err(text)?;
    object(json!({"power": sample_size::power(effect, from_alpha(input.alpha)?, n)}))
}

fn plan_mean_sample_size(input: &Value) -> Answer {
    let input: MeanSampleSize = read(input)?;
    let effect = sample_size::Effect::of_mean(input.mean, input.sd, input.lift).map_err(text)?;
    let power = input.power.unwrap_or(0.8);
    let n = sample_size::sample_size(effect, from_alpha(input.alpha)?, power).map_err(text)?;
    object(json!({"per_variant": n}))
}

fn plan_mean_power(input: &Value) -> Answer {
    let input: MeanPower = read(input)?;
    let effect = sample_size::Effect::of_mean(input.mean, input.sd, input.lift).map_err(text)?;
    let n = crate::error::count("per_variant", input.per_variant).map_err(text)?;
    object(json!({"power": sample_size::power(effect, from_alpha(input.alpha)?, n)}))
}

fn always_valid(input: &Value) -> Answer {
    let input: ConfidenceSequence = read(input)?;
    let seen = confidence_sequence::Observation::new(input.difference, input.variance, input.n);
    let tuning = input.tuning.unwrap_or(confidence_sequence::DEFAULT_TUNING);
    let level = from_alpha(input.alpha)?;
    let sequence = confidence_sequence::confidence_sequence(seen.map_err(text)?, level, tuning);
    object(json!(sequence.map_err(text)?))
}

fn bounds(input: &Value) -> Answer {
    let input: GroupSequential = read(input)?;
    let bounds = group_sequential::group_sequential(&input.information, from_alpha(input.alpha)?)
        .map_err(text)?;
    let z: Vec<Option<f64>> = bounds.iter().map(|b| b.z).collect();
    let spent: Vec<f64> = bounds.iter().map(|b| b.spent).collect();
    explained(
        json!({"z": z, "spent": spent}),
        "after a look at 1 or later no alpha is left to spend",
    )
}

fn holm(input: &Value) -> Answer {
    let input: PValues = read(input)?;
    object(json!({"adjusted": many_comparisons::holm(&input.p_values).map_err(text)?}))
}

fn benjamini_hochberg(input: &Value) -> Answer {
    let input: PValues = read(input)?;
    object(
        json!({"adjusted": many_comparisons::benjamini_hochberg(&input.p_values).map_err(text)?}),
    )
}

fn cochran_q(input: &Value) -> Answer {
    let input: Effects = read(input)?;
    let (left, right) = (input.effects.len(), input.variances.len());
    if left != right {
        let (left_name, right_name) = ("effects", "variances");
        return Err(text(Error::Lengths { left_name, left, right_name, right }));
    }
    let effects = input.effects.into_iter().zip(input.variances);
    let effects: Vec<Effect> =
        effects.map(|(value, variance)| Effect { value, variance }).collect();
    let found = heterogeneity::cochran_q(&effects).map_err(text)?;
    let result = json!({
        "q": found.map(|f| f.q), "degrees": found.map(|f| f.degrees),
        "p_value": found.map(|f| f.p_value), "i_squared": found.map(|f| f.i_squared),
        "pooled": found.map(|f| f.pooled),
    });
    explained(result, "with fewer than two segments there is nothing to compare")
}

fn effective_trials(input: &Value) -> Answer {
    let input: EffectiveTrials = read(input)?;
    let proportion = Proportion::new(input.successes, input.trials).map_err(text)?;
    let effective = counter_error::effective_trials(proportion, input.counter_error);
    object(json!({"effective_trials": effective.map_err(text)?}))
}

fn read<T: DeserializeOwned>(input: &Value) -> Result<T, String> {
    T::deserialize(input).map_err(|error| format!("input: {error}"))
}

fn text(error: Error) -> String {
    error.to_string()
}

fn counts(counts: Counts) -> Result<Proportion, String> {
    Proportion::new(counts.successes, counts.trials).map_err(text)
}

fn level(level: Option<f64>) -> Result<Level, String> {
    level.map_or(Ok(Level::DEFAULT), |level| Level::new(level).map_err(text))
}

fn from_alpha(alpha: Option<f64>) -> Result<Level, String> {
    alpha.map_or(Ok(Level::DEFAULT), |alpha| Level::from_alpha(alpha).map_err(text))
}

fn low(interval: Interval) -> f64 {
    interval.low
}

fn high(interval: Interval) -> f64 {
    interval.high
}

fn z(test: ZTest) -> f64 {
    test.z
}

fn p_value(test: ZTest) -> f64 {
    test.p_value
}

fn object(result: Value) -> Answer {
    match result {
        Value::Object(members) => Ok(members),
        other => Err(format!("no result: {other}")),
    }
}

/// The result, with a `reason` if something in it is null.
fn explained(result: Value, reason: &str) -> Answer {
    let mut members = object(result)?;
    let missing = members.values().any(|value| match value {
        Value::Null => true,
        Value::Array(entries) => entries.iter().any(Value::is_null),
        _ => false,
    });
    if missing {
        members.insert("reason".to_owned(), json!(reason));
    }
    Ok(members)
}
