//! The stage: the endpoints that it serves, and their limits.

use std::collections::BTreeMap;

use super::{Change, Step};
use crate::blueprint::{Blueprint, STAGE};
use crate::found::{Found, Owner};

/// Plans the stage. `moved` says that the plan changes endpoints.
pub(super) fn plan(blueprint: &Blueprint, found: &Found, moved: bool) -> Change {
    let resource = format!("stage {STAGE}");
    let throttle = blueprint.api.throttle;
    let shown = format!(
        "limit of each public endpoint: {} requests per second, {} in one burst",
        throttle.rate, throttle.burst
    );
    let stage = found.api.as_ref().and_then(|api| api.stage.as_ref());
    let Some(stage) = stage else {
        let steps = vec![Step::CreateStage, Step::SetThrottle { remove: vec![] }];
        return Change::create(resource, vec![shown], steps);
    };
    let (mut details, mut steps) = (Vec::new(), Vec::new());
    if moved || stage.fingerprint != blueprint.api_fingerprint() {
        details.push("serve the new endpoints".into());
        steps.push(Step::ServeNewDeployment);
    }
    if stage.owner != Owner::Ours {
        steps.push(Step::TagStage);
    }
    let wanted = throttles(blueprint);
    if stage.throttles != wanted {
        details.push(shown);
        let surplus = stage.throttles.keys().filter(|at| !wanted.contains_key(*at));
        steps.push(Step::SetThrottle { remove: surplus.cloned().collect() });
    }
    Change::existing(resource, &stage.owner, details, steps)
}

/// The limits of each public endpoint.
pub(crate) fn throttles(blueprint: &Blueprint) -> BTreeMap<(String, String), (u32, u32)> {
    let throttle = blueprint.api.throttle;
    let public = blueprint.api.endpoints.public();
    public
        .map(|(path, method)| {
            ((path.as_str().to_owned(), method.to_string()), (throttle.rate, throttle.burst))
        })
        .collect()
}
