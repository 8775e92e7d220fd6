//! What may change in which status.

use super::Writer;
use super::refusal::Conflict;
use crate::definition::document::Document;
use crate::definition::status::Status;
use crate::definition::{DefinedGoal, Definition};

/// Members that describe the experiment and change nothing that units get or results say.
const DESCRIPTIVE: [&str; 6] = ["description", "hypothesis", "owner", "tags", "url", "labels"];
/// Members that never change after the first start.
const FIXED: [&str; 4] = ["id", "salt", "counting", "layer"];
/// Members that may change while the experiment is running or paused, besides descriptive ones.
/// `goals` may only gain goals and change caps, and `bandit` may only be removed.
const WHILE_STARTED: [&str; 7] =
    ["status", "traffic", "weights", "targeting", "overrides", "goals", "schedule"];

/// Everything that contradicts the state of the experiment.
pub(super) fn conflicts(
    before: &Document,
    after: &Definition,
    writer: Writer,
    confirm: bool,
) -> Vec<Conflict> {
    let mut conflicts = Vec::new();
    let (from, to) = (before.definition.status, after.status);
    if from != to && !before.allowed_next().contains(&to) {
        let allowed = before.allowed_next().to_vec();
        conflicts.push(Conflict::Transition { from, to, allowed });
    }
    let (old, new) = (before.definition.to_members(), after.to_members());
    for (member, value) in &new {
        if old.get(member) != Some(value)
            && let Some(reason) = why_fixed(member, before, after, writer)
        {
            conflicts.push(Conflict::Fixed { member: member.clone(), reason });
        }
    }
    let bandit_stays = before.definition.bandit.is_some() && after.bandit.is_some();
    let active = matches!(from, Status::Running | Status::Paused);
    if bandit_stays
        && active
        && writer == Writer::Operator
        && before.definition.weights != after.weights
    {
        conflicts.push(Conflict::BanditOwnsWeights);
    }
    if (from, to) == (Status::Completed, Status::Archived) && !confirm {
        let winner = before.definition.winner.as_ref().map(ToString::to_string);
        conflicts.push(Conflict::NeedsConfirmation { winner: winner.unwrap_or_default() });
    }
    conflicts
}

/// Why the member cannot change now, or nothing if it can.
fn why_fixed(
    member: &str,
    before: &Document,
    after: &Definition,
    writer: Writer,
) -> Option<String> {
    let status = before.definition.status;
    let started = before.started();
    if DESCRIPTIVE.contains(&member) || member == "status" {
        return None;
    }
    if started && FIXED.contains(&member) {
        return Some(
            "it is fixed after the first start; create a new experiment to use another".to_owned(),
        );
    }
    match status {
        Status::Draft => None,
        Status::Running | Status::Paused => match member {
            // Only together with the step to completed, which the rules of the document check.
            "winner" => None,
            "goals" if !keeps_goals(before, after) => Some(format!(
                "goals can only be added, and caps can change, while the experiment is {status}; \
                 results rest on the declared goals"
            )),
            "bandit" if after.bandit.is_none() || writer == Writer::Monitor => None,
            "bandit" => {
                Some(format!("a bandit can only be removed while the experiment is {status}"))
            }
            _ if WHILE_STARTED.contains(&member) => None,
            _ => Some(format!(
                "it is fixed while the experiment is {status}, because visitors were already \
                 counted; complete this experiment and create a new one"
            )),
        },
        Status::Completed if member == "winner" => None,
        Status::Completed => Some(
            "the experiment is completed; only its description and the winner can change"
                .to_owned(),
        ),
        Status::Archived if member == "winner" && after.status == Status::Completed => None,
        Status::Archived => Some(
            "the experiment is archived; only its description can change until it is restored"
                .to_owned(),
        ),
    }
}

/// Whether goals were only added, or got another cap.
fn keeps_goals(before: &Document, after: &Definition) -> bool {
    before.definition.goals.iter().all(|goal| {
        let kept = after.goal(goal.name.as_str());
        kept.is_some_and(|kept| DefinedGoal { cap: goal.cap, ..kept.clone() } == *goal)
    })
}
