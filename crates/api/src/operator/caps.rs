//! Keeps the caps of stored sums equal to the caps that definitions declare.

use abtest_model::definition::Definition;
use abtest_model::{Experiment, Goal, Namespace, Values};
use abtest_store::{Counters, StoreError};

/// Makes the sums of goals whose cap was changed anew. Says whether there are any.
///
/// # Errors
/// When the store cannot be read or written.
pub(crate) async fn align<S: Counters>(
    store: &S,
    namespace: &Namespace,
    experiment: &Experiment,
    definition: &Definition,
    values: Option<&Values>,
) -> Result<bool, StoreError> {
    let mut changed = false;
    let summed = values.iter().flat_map(|values| &values.0);
    for (goal, values) in summed {
        let declared = declared_cap(definition, goal);
        if declared != values.cap {
            store.set_cap(namespace, experiment, goal, declared).await?;
            changed = true;
        }
    }
    Ok(changed)
}

/// Makes the sums of goals anew whose cap a change of the definition changed. If that fails, the next
/// reader of the experiment does it.
pub(crate) async fn follow<S: Counters>(
    store: &S,
    namespace: &Namespace,
    experiment: &Experiment,
    before: Option<&Definition>,
    after: &Definition,
) {
    for goal in after.goals.iter().filter(|goal| goal.is_summed()) {
        let cap = goal.cap_amount();
        if before.is_some_and(|before| declared_cap(before, &goal.name) == cap) {
            continue;
        }
        if let Err(error) = store.set_cap(namespace, experiment, &goal.name, cap).await {
            tracing::warn!(%error, "the sums of a goal still have its earlier cap");
        }
    }
}

fn declared_cap(definition: &Definition, goal: &Goal) -> Option<abtest_model::Amount> {
    definition.goal(goal.as_str())?.cap_amount()
}
