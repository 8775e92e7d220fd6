//! The API key, which a usage plan connects to the stage.

use super::{Change, Step};
use crate::blueprint::{Blueprint, STAGE};
use crate::found::{Found, Owner};

pub(super) fn plan(blueprint: &Blueprint, found: &Found) -> Change {
    let resource = format!("API key {}", blueprint.api.name);
    let existing = found.keys.keys.first();
    let key_step = match existing {
        Some(key) => Step::AddKeyToUsagePlan { key: key.id.clone() },
        None => Step::CreateKey,
    };
    let Some(plan) = &found.keys.usage_plan else {
        let steps = vec![Step::CreateUsagePlan, key_step];
        let detail = format!("gives access to the private endpoints of the stage {STAGE}");
        return match existing {
            Some(key) => Change::existing(resource, &key.owner, vec![detail], steps),
            None => Change::create(resource, vec![detail], steps),
        };
    };
    let (mut details, mut steps) = (Vec::new(), Vec::new());
    let api = found.api.as_ref().map(|api| &api.id);
    if api.is_none_or(|api| !plan.apis.contains(api)) {
        details.push(format!("gives access to the stage {STAGE}"));
        steps.push(Step::AddStageToUsagePlan);
    }
    // A deleted stage needs no key.
    for gone in plan.apis.iter().filter(|known| Some(*known) != api) {
        steps.push(Step::RemoveStageFromUsagePlan { api: gone.clone() });
    }
    let may_edit = |id: &String| !found.keys.read_keys.iter().any(|key| key.id == *id);
    if !plan.keys.iter().any(may_edit) {
        details.push("add it to the usage plan".into());
        steps.push(key_step);
    }
    Change::existing(resource, &Owner::Ours, details, steps)
}
