//! Looks at an experiment, as they are remembered, and as the analysis takes them.

use abtest_model::{Look, look};
use abtest_stats::analysis::{Analysis, EarlierLook, LookStatistic, Looks, Settings};

use super::question::{self, LOOKS, Question};
use crate::http::problem::Problem;

/// The looks taken, for someone who takes none; nothing if there are none.
pub(super) fn taken(looks: &[Look]) -> Option<Looks> {
    let planned = looks.first()?.planned;
    Some(Looks { planned, earlier: looks.iter().map(earlier).collect(), now: false })
}

/// What is asked of the counts by someone who takes a look. The first look fixes the plan: whoever
/// moved the end by what was seen could always reach it with a difference.
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
    let earlier = looks.iter().map(earlier).collect();
    let looks = Some(Looks { planned, earlier, now: true });
    Ok(Settings { looks, ..question.settings.clone() })
}

/// The look that an analysis was, if it counts as one of its own.
pub(super) fn new_one(analysis: &Analysis, looks: &[Look]) -> Option<Look> {
    let report = analysis.looks.as_ref()?;
    let now = report.taken.last()?;
    let known = looks.last().map_or(0, |look| look.participants);
    let statistic = |found: &LookStatistic| look::Statistic {
        goal: found.goal.clone(),
        variant: found.variant.clone(),
        z: found.z,
        standard_error: found.standard_error,
    };
    (now.participants > known).then(|| Look {
        participants: now.participants,
        planned: report.planned,
        control: analysis.control.clone().unwrap_or_default(),
        statistics: now.statistics.iter().map(statistic).collect(),
    })
}

fn earlier(look: &Look) -> EarlierLook {
    let statistic = |found: &look::Statistic| LookStatistic {
        goal: found.goal.clone(),
        variant: found.variant.clone(),
        z: found.z,
        standard_error: found.standard_error,
    };
    EarlierLook {
        participants: look.participants,
        control: look.control.clone(),
        statistics: look.statistics.iter().map(statistic).collect(),
    }
}
