//! What events add to the totals of units: the value that they carry, or one for each event of a count
//! goal. The definition of the experiment says which goals have values.

use abtest_model::definition::{DefinedGoal, GoalKind};
use abtest_model::{Amount, Event, InputError};
use abtest_store::{Documents, Recorder, StoreError};

use super::published::{PublishedNamespaces, States};
use crate::namespace::NamespaceState;

/// Why an event's value cannot be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unmeasured {
    /// The goal is not declared, or is declared as a conversion.
    NotAValueGoal,
    /// Each event of the goal counts one.
    CountGoal,
    /// The value breaks a rule of the goal.
    Invalid(InputError),
}

impl<D: Documents + Recorder> PublishedNamespaces<D> {
    /// Sets what each event adds, and says which events cannot be added. A value for a goal that has
    /// none as far as this process knows causes another read, as an unknown name does. So does a goal that
    /// a defined experiment does not declare: it may be a new count goal.
    ///
    /// # Errors
    /// When the definitions were never read and the store cannot be read now.
    pub(crate) async fn measure(
        &self,
        events: &mut [Event],
        states: &mut States,
    ) -> Result<Vec<Option<Unmeasured>>, StoreError> {
        let mut found = Vec::with_capacity(events.len());
        for event in events {
            if event.goal.is_participation() && event.value.is_none() {
                found.push(None);
                continue;
            }
            let state = match states.get_mut(&event.namespace) {
                Some(Ok(state)) => state,
                Some(Err(error)) => return Err(error.clone()),
                None => {
                    found.push(None);
                    continue;
                }
            };
            let mut added = added(state, event);
            if (added == Err(Unmeasured::NotAValueGoal) || may_be_new(state, event))
                && let Some(newer) = self.read_again(&event.namespace).await
            {
                *state = newer;
                added = self::added(state, event);
            }
            match added {
                Ok(amount) => {
                    event.value = amount;
                    found.push(None);
                }
                Err(unmeasured) => found.push(Some(unmeasured)),
            }
        }
        Ok(found)
    }
}

/// Whether the event's experiment is defined and does not declare its goal.
fn may_be_new(state: &NamespaceState, event: &Event) -> bool {
    let document = state.definition(event.experiment.as_str());
    document.is_some_and(|document| document.definition.goal(event.goal.as_str()).is_none())
}

/// What an event adds; `None` if it only counts its unit.
fn added(state: &NamespaceState, event: &Event) -> Result<Option<Amount>, Unmeasured> {
    let document = state.definition(event.experiment.as_str());
    let goal = document.and_then(|document| document.definition.goal(event.goal.as_str()));
    match (goal, event.value) {
        (Some(DefinedGoal { kind: GoalKind::Count, .. }), None) => Ok(Some(Amount::ONE)),
        (Some(DefinedGoal { kind: GoalKind::Count, .. }), Some(_)) => Err(Unmeasured::CountGoal),
        (Some(DefinedGoal { kind: GoalKind::Value, decimals, .. }), Some(value)) => {
            let (found, allowed) = (value.decimals(), decimals.unwrap_or(0));
            if found > allowed {
                let error = InputError::TooManyDecimals { found, allowed };
                return Err(Unmeasured::Invalid(error));
            }
            Ok(Some(value))
        }
        (_, Some(_)) => Err(Unmeasured::NotAValueGoal),
        (_, None) => Ok(None),
    }
}
