//! Refused changes as problem documents.

use abtest_assign::FullRing;
use abtest_model::definition::{Conflict, LayerHolder, NewName, Refusal, Violations};
use abtest_store::StoreError;
use http::StatusCode;

use crate::http::problem::Problem;

impl From<Violations> for Box<Problem> {
    fn from(violations: Violations) -> Self {
        let detail = violations.to_string().replace('\n', "; ");
        let mut problem = Problem::boxed(StatusCode::UNPROCESSABLE_ENTITY, detail);
        problem.violations = violations.0;
        problem
    }
}

impl From<Refusal> for Box<Problem> {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string().replace('\n', "; ");
        match refusal {
            Refusal::Invalid(violations) => violations.into(),
            Refusal::Missing => Problem::not_found(detail),
            Refusal::Conflict(conflicts) => {
                let mut problem = Problem::boxed(StatusCode::CONFLICT, detail);
                problem.conflicts = conflicts;
                problem
            }
            Refusal::Stale { current } => {
                at_version(StatusCode::PRECONDITION_FAILED, detail, current)
            }
            Refusal::Exists { current } => {
                at_version(StatusCode::PRECONDITION_FAILED, detail, Some(current))
            }
            Refusal::PreconditionRequired { current, .. } => {
                at_version(StatusCode::PRECONDITION_REQUIRED, detail, Some(current))
            }
        }
    }
}

/// A condition on the version that does not hold, or that is missing.
pub(crate) fn at_version(status: StatusCode, detail: String, current: Option<u64>) -> Box<Problem> {
    let mut problem = Problem::boxed(status, detail);
    problem.current_version = current;
    problem
}

/// A layer without enough free slots.
pub(super) fn full_layer(layer: &NewName, full: FullRing) -> Box<Problem> {
    let percent = |slots: u16| f64::from(slots) / 100.0;
    let holder = |(experiment, slots)| LayerHolder { experiment, traffic: percent(slots) };
    let conflict = Conflict::FullLayer {
        layer: layer.to_string(),
        needed: percent(full.needed),
        free: percent(full.free),
        holders: full.holders.into_iter().map(holder).collect(),
    };
    Refusal::Conflict(vec![conflict]).into()
}

/// A document that this version of abtest cannot read.
pub(crate) fn damaged(error: &StoreError) -> Box<Problem> {
    let detail =
        format!("{error}; use the version of abtest that wrote it, or delete the experiment");
    Problem::boxed(StatusCode::CONFLICT, detail)
}
