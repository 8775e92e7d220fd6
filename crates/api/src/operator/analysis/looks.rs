//! Looks at an experiment, as they are stored, and as the analysis takes them.

use abtest_model::{Look, look};
use abtest_stats::analysis::{
    Analysis, BareLook, BareStatistic, EarlierLook, LookComparison, Looks, Settings,
    complete_bare_looks,
};

use super::question::{self, LOOKS, Question};
use crate::http::problem::Problem;

/// The stored looks, for a report that is not a look. `None` if there are none.
pub(super) fn taken(looks: &[Look], settings: &Settings) -> Option<Looks> {
    let planned = looks.first()?.planned;
    Some(Looks { planned, earlier: earlier(looks, settings), now: false })
}

/// The settings of a new look. The first look fixes the plan: an end that moves with the results always finds a difference.
pub(super) fn at_a_new_one(question: &Question, looks: &[Look]) -> Result<Settings, Box<Problem>> {
    let fixed = looks.first().map(|look| look.planned);
    let planned = match (question.planned, fixed) {
        (None, None) => return Err(question::no_plan()),
        (Some(planned), Some(fixed)) if planned != fixed => {
            let detail = format!(
                "the first look planned {fixed} participants, and a plan holds; leave `planned` away"
            );
            return Err(Problem::wrong_parameter("planned", "fixed", detail));
        }
        (Some(planned), _) | (None, Some(planned)) => planned,
    };
    if looks.len() >= LOOKS {
        let detail = format!("{LOOKS} looks were taken, and no more can be remembered");
        return Err(Problem::wrong_parameter("looks", "range", detail));
    }
    let looks = Looks { planned, earlier: earlier(looks, &question.settings), now: true };
    Ok(Settings { looks: Some(looks), ..question.settings.clone() })
}

/// The look that an analysis was, if it counts as one of its own.
pub(super) fn new_one(analysis: &Analysis, looks: &[Look]) -> Option<Look> {
    let report = analysis.looks.as_ref()?;
    let now = report.taken.last()?;
    let known = looks.last().map_or(0, |look| look.participants);
    let statistic = |comparison: &LookComparison| {
        let found = comparison.found.as_ref()?;
        Some(look::Statistic {
            goal: comparison.goal.clone(),
            variant: comparison.variant.clone(),
            z: found.z,
            standard_error: found.standard_error,
        })
    };
    (now.participants > known).then(|| Look {
        participants: now.participants,
        planned: report.planned,
        control: now.control.clone(),
        statistics: now.comparisons.iter().filter_map(statistic).collect(),
    })
}

fn earlier(looks: &[Look], settings: &Settings) -> Vec<EarlierLook> {
    let bare = |look: &Look| BareLook {
        participants: look.participants,
        planned: look.planned,
        control: look.control.clone(),
        statistics: look
            .statistics
            .iter()
            .map(|found| BareStatistic {
                goal: found.goal.clone(),
                variant: found.variant.clone(),
                z: found.z,
                standard_error: found.standard_error,
            })
            .collect(),
    };
    let bare: Vec<BareLook> = looks.iter().map(bare).collect();
    let records = complete_bare_looks(&bare, settings.level).unwrap_or_default();
    records.into_iter().map(|record| EarlierLook::Recorded(Box::new(record))).collect()
}
