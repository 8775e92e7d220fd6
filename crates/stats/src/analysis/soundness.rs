//! Do the trials fall on the variants as they should?

use super::Remarks;
use super::input::{Counts, Settings};
use super::report::{RemarkCode, SampleRatioCheck};
use crate::sample_ratio::sample_ratio;

pub(super) fn check(
    counts: &Counts,
    settings: &Settings,
    remarks: &mut Remarks,
) -> SampleRatioCheck {
    let trials: Vec<f64> = counts.variants.iter().map(|v| v.trials as f64).collect();
    let weights = match weights(counts, remarks) {
        Ok(weights) => weights,
        Err(reason) => return silent(reason),
    };
    let errors: Vec<f64> = trials.iter().map(|&m| settings.counter.relative_error(m)).collect();
    let check = match sample_ratio(&trials, &weights, &errors) {
        Ok(check) => check,
        Err(error) => return silent(error.to_string()),
    };
    let reason = check
        .statistic
        .is_none()
        .then(|| "a variant of weight 0 has trials: no chance explains that".to_owned());
    if check.alarm() {
        let assumed = counts.variants.iter().all(|v| v.weight.is_none());
        let as_what = if assumed { "equally, as was assumed" } else { "as the weights say" };
        let message = format!(
            "The visitors are not split {as_what} (p = {:.2e}). Something other than chance moves them: redirects, bots, \
             a broken variant. Until that is found the rates are not to be trusted.",
            check.p_value
        );
        remarks.warn(RemarkCode::SampleRatioMismatch, message);
    }
    SampleRatioCheck {
        statistic: check.statistic,
        p_value: Some(check.p_value),
        alarm: check.alarm(),
        expected: Some(check.expected),
        reason,
    }
}

/// The declared weights; equal ones if none is declared.
fn weights(counts: &Counts, remarks: &mut Remarks) -> Result<Vec<f64>, String> {
    let declared: Vec<f64> = counts.variants.iter().filter_map(|v| v.weight).collect();
    if declared.len() == counts.variants.len() {
        return Ok(declared);
    }
    if declared.is_empty() {
        let message =
            "No weights are declared: equal shares of the visitors are assumed.".to_owned();
        remarks.note(RemarkCode::WeightsAssumedEqual, message);
        return Ok(vec![1.0; counts.variants.len()]);
    }
    let reason = "some variants have a weight and some have none".to_owned();
    remarks.warn(
        RemarkCode::WeightsIncomplete,
        format!("The split of the visitors is not checked: {reason}."),
    );
    Err(reason)
}

fn silent(reason: String) -> SampleRatioCheck {
    SampleRatioCheck {
        statistic: None,
        p_value: None,
        alarm: false,
        expected: None,
        reason: Some(reason),
    }
}
