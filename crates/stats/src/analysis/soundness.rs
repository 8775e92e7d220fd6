//! Are the participants split over the variants as declared?

use super::input::{Counts, Settings, VariantCounts};
use super::look::Looks;
use super::negligible::are_strays;
use super::remarks::Remarks;
use super::report::{RemarkCode, SampleRatioCheck};
use crate::sample_ratio::{Split, sample_ratio, sample_ratio_over_periods, split_evidence};
use crate::words::{counted, percent, thousands};

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
    let silent =
        |reason: String| SampleRatioCheck::unknown(reason, settings.sample_ratio_alarmed.clone());
    if let Some(reason) = &settings.suspended {
        return silent(reason.clone());
    }
    let weights = match weights(counts, settings, remarks) {
        Ok(weights) => weights,
        Err(reason) => return silent(reason),
    };
    let judged: Vec<usize> = judged(counts, settings);
    let mut periods: Vec<(Vec<u64>, &[f64])> = if counts.periods.is_empty() {
        vec![(counts.variants.iter().map(|variant| variant.trials).collect(), &weights)]
    } else {
        counts.periods.iter().map(|p| (p.participants.clone(), &*p.weights)).collect()
    };
    leave_out_strays(counts, &mut periods, remarks);
    let split = |(participants, weights): &(Vec<u64>, &[f64])| Split {
        participants: judged.iter().map(|&index| participants[index] as f64).collect(),
        weights: judged.iter().map(|&index| weights[index]).collect(),
        counter_errors: judged
            .iter()
            .map(|&index| {
                let (part, whole) = (participants[index], counts.variants[index].trials);
                match counts.periods.len() {
                    0 | 1 => settings.counter.relative_error(part as f64),
                    _ => settings.counter.relative_error_of_part(part as f64, whole as f64),
                }
            })
            .collect(),
    };
    let periods: Vec<Split> = periods.iter().map(split).collect();
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

/// Takes the participants of a variant out of the periods in which its weight was 0, if they are so few that a stranger may
/// have made them up. More of them are an alarm.
fn leave_out_strays(counts: &Counts, periods: &mut [(Vec<u64>, &[f64])], remarks: &mut Remarks) {
    let largest = counts.variants.iter().map(|variant| variant.trials).max().unwrap_or(0);
    for (index, variant) in counts.variants.iter().enumerate() {
        let strays = || periods.iter().filter(|(_, weights)| weights[index] == 0.0);
        let participants: u64 = strays().map(|(participants, _)| participants[index]).sum();
        if participants == 0 || !are_strays(participants, largest) {
            continue;
        }
        let message = format!(
            "{} of {} came while its weight was 0. They are too few to matter and left out of the check of the split.",
            counted(participants, "participant"),
            variant.name
        );
        remarks.note(RemarkCode::NegligibleVariants, message);
        for (participants, weights) in periods.iter_mut() {
            if weights[index] == 0.0 {
                participants[index] = 0;
            }
        }
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
    let furthest = match (while_switched_off(counts, check), furthest) {
        (Some((variant, participants)), _) if check.statistic.is_none() => {
            let participants = counted(participants, "participant");
            format!(" {participants} of {variant} came while its weight was 0.")
        }
        (_, Some((name, off))) => {
            let direction = if off > 0.0 { "more" } else { "fewer" };
            format!(" {name} has {} {direction} participants than expected.", percent(off.abs()))
        }
        (_, None) => String::new(),
    };
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

/// The variant with the most participants in periods in which its weight was 0, and how many they are.
fn while_switched_off<'a>(counts: &'a Counts, check: &SampleRatioCheck) -> Option<(&'a str, u64)> {
    let expected = check.expected.as_ref()?;
    let participants = |index: usize| match counts.periods.as_slice() {
        [] if expected[index] == 0.0 => counts.variants[index].trials,
        [] => 0,
        periods => {
            let closed = periods.iter().filter(|period| period.weights[index] == 0.0);
            closed.map(|period| period.participants[index]).sum()
        }
    };
    let of = |(index, variant): (usize, &'a VariantCounts)| (&*variant.name, participants(index));
    counts.variants.iter().enumerate().map(of).filter(|one| one.1 > 0).max_by_key(|one| one.1)
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
