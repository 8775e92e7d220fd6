//! The stored looks as the analysis takes them, and what a report says about them.

use abtest_stats::analysis::{
    Analysis, EarlierLook, LookRecord, Looks, Remark, RemarkCode, Settings,
};
use abtest_stats::words::{counted, rounded, thousands};

use super::question::{self, MAX_LOOKS};
use crate::document::planned_size;
use crate::http::problem::Problem;
use crate::operator::looks_document::{LooksDocument, Reset};

/// The stored looks, for a reader. `None` if no look was taken.
pub(super) fn taken(stored: &LooksDocument) -> Option<Looks> {
    let planned = stored.looks.first()?.planned;
    Some(Looks { planned, earlier: earlier(stored), now: false })
}

/// The settings for a new look at so many participants. The first look fixes the plan: an end that
/// could move could always be moved to a difference.
pub(super) fn at_a_new_one(
    settings: &Settings,
    planned: Option<u64>,
    stored: &LooksDocument,
    participants: u64,
) -> Result<Settings, Box<Problem>> {
    let fixed = stored.looks.first().map(|look| look.planned);
    let planned = match (planned, fixed) {
        (None, None) => return Err(question::no_plan()),
        (Some(planned), Some(fixed)) if planned != fixed => {
            let detail = format!(
                "the first look fixed the plan at {} participants; leave `planned` out",
                thousands(fixed)
            );
            return Err(Problem::wrong_parameter("planned", "fixed", detail));
        }
        (Some(planned), None) => {
            refuse_reached(planned, participants)?;
            planned
        }
        (_, Some(planned)) => planned,
    };
    if stored.looks.len() >= MAX_LOOKS {
        let detail =
            format!("there are {MAX_LOOKS} looks already; discard them to start a new plan");
        return Err(Problem::wrong_parameter("looks", "range", detail));
    }
    let looks = Some(Looks { planned, earlier: earlier(stored), now: true });
    Ok(Settings { looks, ..settings.clone() })
}

/// A first look at or past its planned end would spend all of alpha at once.
pub(super) fn refuse_reached(planned: u64, participants: u64) -> Result<(), Box<Problem>> {
    if planned > participants {
        return Ok(());
    }
    let detail = format!(
        "parameter `planned` is {}, but there are {} already; plan an end that lies ahead",
        thousands(planned),
        counted(participants, "participant")
    );
    Err(Problem::wrong_parameter("planned", "reached", detail))
}

/// The look that an analysis was, unless it is one of the stored looks again.
pub(super) fn new_one(analysis: &Analysis, stored: &LooksDocument) -> Option<LookRecord> {
    let now = analysis.looks.as_ref()?.taken.last()?;
    let known = stored.looks.last().map_or(0, |look| look.participants);
    (now.participants > known).then(|| now.clone())
}

/// Warns if looks were discarded, or if the plan is too small.
pub(super) fn warn(analysis: &mut Analysis, resets: &[Reset]) {
    if let Some(message) = reset_message(resets) {
        analysis.warnings.push(Remark { code: RemarkCode::LooksReset, message });
    }
    if let Some(looks) = &analysis.looks
        && let Some(enough) = planned_size(analysis)
        && looks.planned < enough
    {
        let message = format!(
            "The plan of {} participants is too small to detect the minimum lift; about {} are \
             enough. To start a new plan, discard the looks.",
            thousands(looks.planned),
            rounded(enough)
        );
        analysis.warnings.push(Remark { code: RemarkCode::PlanTooSmall, message });
    }
}

fn reset_message(resets: &[Reset]) -> Option<String> {
    let last = resets.last()?;
    let times = match resets.len() {
        1 => String::new(),
        times => format!(" Looks were discarded {times} times."),
    };
    Some(format!(
        "On {}, {} at up to {} of {} planned participants were discarded.{times} The error rate of \
         the sequential method does not include discarded looks.",
        last.day,
        counted(last.looks, "look"),
        thousands(last.participants),
        thousands(last.planned)
    ))
}

fn earlier(stored: &LooksDocument) -> Vec<EarlierLook> {
    stored.looks.iter().map(|look| EarlierLook::Recorded(Box::new(look.clone()))).collect()
}
