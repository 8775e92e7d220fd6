//! Are the participants split over the variants as declared?

use super::input::{Counts, Settings};
use super::look::Looks;
use super::remarks::Remarks;
use super::report::{RemarkCode, SampleRatioCheck};
use crate::sample_ratio::{Split, sample_ratio, sample_ratio_over_periods, split_evidence};
use crate::words::{percent, thousands};

pub(super) fn check(
    counts: &Counts,
    settings: &Settings,
    control: Option<usize>,
    remarks: &mut Remarks,
) -> SampleRatioCheck {
    let check = measured(counts, settings, control, remarks);
    if check.alarm {
        remarks.warn(RemarkCode::SampleRatioMismatch, mismatch(counts, settings, &check));
    }
    check
}

fn measured(
    counts: &Counts,
    settings: &Settings,
    control: Option<usize>,
    remarks: &mut Remarks,
) -> SampleRatioCheck {
    let silent = |reason: String| SampleRatioCheck {
        alarm: settings.sample_ratio_alarmed.is_some(),
        raised: settings.sample_ratio_alarmed.clone(),
        e_value: None,
        counter_factor: None,
        statistic: None,
        p_value: None,
        period_p_value: None,
        expected: None,
        reason: Some(reason),
    };
    if let Some(reason) = &settings.suspended {
        return silent(reason.clone());
    }
    let weights = match weights(counts, settings, remarks) {
        Ok(weights) => weights,
        Err(reason) => return silent(reason),
    };
    let judged: Vec<usize> = judged(counts, settings);
    let pick = |list: &[f64]| -> Vec<f64> { judged.iter().map(|&index| list[index]).collect() };
    let split = |participants: &[u64], weights: &[f64]| {
        let participants: Vec<f64> = participants.iter().map(|&m| m as f64).collect();
        let participants = pick(&participants);
        let error = |m: &f64| settings.counter.relative_error(*m);
        let counter_errors = participants.iter().map(error).collect();
        Split { participants, weights: pick(weights), counter_errors }
    };
    let periods: Vec<Split> = if counts.periods.is_empty() {
        let trials: Vec<u64> = counts.variants.iter().map(|variant| variant.trials).collect();
        vec![split(&trials, &weights)]
    } else {
        counts.periods.iter().map(|p| split(&p.participants, &p.weights)).collect()
    };
    if periods.iter().all(|period| period.participants.iter().all(|&count| count == 0.0)) {
        return silent("there are no participants yet".to_owned());
    }
    let control = judged.iter().position(|&index| Some(index) == control).unwrap_or(0);
    let evidence = match split_evidence(&periods, control) {
        Ok(evidence) => evidence,
        Err(error) => return silent(error.to_string()),
    };
    let one_look = match periods.as_slice() {
        [only] => sample_ratio(&only.participants, &only.weights, &only.counter_errors),
        several => sample_ratio_over_periods(several),
    };
    let one_look = match one_look {
        Ok(check) => check,
        Err(error) => return silent(error.to_string()),
    };
    let period_p_value = (periods.len() > 1).then(|| smallest_p_value(&periods)).flatten();
    let mut expected = vec![0.0; counts.variants.len()];
    for (&index, &value) in judged.iter().zip(&one_look.expected) {
        expected[index] = value;
    }
    let reason = one_look
        .statistic
        .is_none()
        .then(|| "a variant of weight 0 has participants, which chance cannot explain".to_owned());
    SampleRatioCheck {
        alarm: evidence.alarm() || settings.sample_ratio_alarmed.is_some(),
        raised: settings.sample_ratio_alarmed.clone(),
        e_value: Some(evidence.e_value),
        counter_factor: Some(evidence.counter_factor),
        statistic: one_look.statistic,
        p_value: Some(one_look.p_value),
        period_p_value,
        expected: Some(expected),
        reason,
    }
}

/// The variants that take part in the check: the declared ones, else those of the stored looks, else all. A name that
/// appears after the first look cannot void what the looks decided.
fn judged(counts: &Counts, settings: &Settings) -> Vec<usize> {
    let of_looks = settings.looks.as_ref().map(Looks::variants).filter(|names| !names.is_empty());
    let takes_part = |name: &str| match (&settings.declared, &of_looks) {
        (Some(declared), _) => declared.variants.iter().any(|v| v.name == name),
        (None, Some(names)) => names.contains(name),
        (None, None) => true,
    };
    (0..counts.variants.len()).filter(|&i| takes_part(&counts.variants[i].name)).collect()
}

/// The smallest p-value of a single period, corrected for the number of periods.
fn smallest_p_value(periods: &[Split]) -> Option<f64> {
    let p_value = |p: &Split| {
        Some(sample_ratio(&p.participants, &p.weights, &p.counter_errors).ok()?.p_value)
    };
    let smallest = periods.iter().filter_map(p_value).min_by(f64::total_cmp)?;
    Some((smallest * periods.len() as f64).min(1.0))
}

fn mismatch(counts: &Counts, settings: &Settings, check: &SampleRatioCheck) -> String {
    let declared =
        settings.declared.is_some() || counts.variants.iter().any(|v| v.weight.is_some());
    let how = if declared { "as the weights say" } else { "equally, as assumed" };
    let furthest = check.expected.as_ref().and_then(|expected| {
        let off = counts.variants.iter().zip(expected).filter(|(_, x)| **x > 0.0);
        off.map(|(variant, &x)| (&variant.name, variant.trials as f64 / x - 1.0))
            .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
    });
    let furthest = furthest.map_or_else(String::new, |(name, off)| {
        let direction = if off > 0.0 { "more" } else { "fewer" };
        format!(" {name} has {} {direction} participants than expected.", percent(off.abs()))
    });
    let raised = check.raised.as_ref().map_or_else(String::new, |raised| {
        let participants = thousands(raised.participants());
        let at = in_words(&raised.at);
        format!(" The alarm was raised on {at}, with {participants} participants.")
    });
    format!(
        "The participants are not split {how}.{furthest}{raised} Something other than chance moves them, for example \
         redirects, bots or a broken variant. Find the cause before you use these numbers."
    )
}

/// A time in RFC 3339 as people read it, to the minute.
fn in_words(at: &str) -> String {
    let time = at.parse::<jiff::Timestamp>();
    time.map_or_else(|_| at.to_owned(), |at| at.strftime("%-d %B %Y, %H:%M UTC").to_string())
}

/// The declared weights. Without declared weights: equal ones.
fn weights(
    counts: &Counts,
    settings: &Settings,
    remarks: &mut Remarks,
) -> Result<Vec<f64>, String> {
    if let Some(declared) = &settings.declared {
        let weight = |name: &str| {
            let declared = declared.variants.iter().find(|variant| variant.name == name);
            declared.map_or(0.0, |variant| variant.weight)
        };
        return Ok(counts.variants.iter().map(|variant| weight(&variant.name)).collect());
    }
    let weights: Vec<f64> = counts.variants.iter().filter_map(|v| v.weight).collect();
    if weights.len() == counts.variants.len() {
        return Ok(weights);
    }
    if weights.is_empty() {
        let message = "No weights are declared. Assuming an equal split.".to_owned();
        remarks.note(RemarkCode::WeightsAssumedEqual, message);
        return Ok(vec![1.0; counts.variants.len()]);
    }
    let reason = "some variants have a weight and some have none".to_owned();
    let message = format!("The split is not checked: {reason}. Give every variant a weight.");
    remarks.warn(RemarkCode::WeightsIncomplete, message);
    Err(reason)
}
