//! Changing what a namespace holds while others change it: read, plan, commit, and start again if
//! another writer was faster.

use abtest_model::Namespace;
use abtest_store::{CommitError, Committed, Documents, Write};
use http::StatusCode;

use crate::http::problem::Problem;

/// Attempts to change a namespace. Writers of definitions in one process wait for each other, so
/// only other processes, looks and alarms use attempts up.
pub(crate) const ATTEMPTS: usize = 50;

/// Commits writes that were planned from the namespace at the version `based_on`. It returns `None`
/// if another writer was faster: read and plan again.
///
/// # Errors
/// When the store cannot commit.
pub(crate) async fn commit<S: Documents>(
    store: &S,
    namespace: &Namespace,
    based_on: u64,
    writes: Vec<Write>,
) -> Result<Option<Committed>, CommitError> {
    match store.commit(namespace, Some(based_on), writes).await {
        Ok(committed) => Ok(Some(committed)),
        Err(CommitError::Conflict { .. } | CommitError::Outdated { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The same for callers that do not need the new versions.
pub(crate) async fn committed<S: Documents>(
    store: &S,
    namespace: &Namespace,
    based_on: u64,
    writes: Vec<Write>,
) -> Result<bool, CommitError> {
    Ok(commit(store, namespace, based_on, writes).await?.is_some())
}

/// The answer after the last attempt.
pub(crate) fn busy() -> Box<Problem> {
    let detail = "others are changing experiments of this namespace at the same time; try again";
    Problem::boxed(StatusCode::SERVICE_UNAVAILABLE, detail)
}
