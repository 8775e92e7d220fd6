//! Changing what a namespace holds while others change it: read, plan, commit, and start again if
//! another writer was faster.

use abtest_model::Namespace;
use abtest_store::{CommitError, Documents, Write};
use http::StatusCode;

use crate::http::problem::Problem;

/// Attempts to change a namespace. Writers of definitions in one process wait for each other, so
/// only other processes, looks and alarms use attempts up.
pub(crate) const ATTEMPTS: usize = 50;

/// Commits writes that were planned from the namespace at the version `based_on`. It returns `false`
/// if another writer was faster: read and plan again.
///
/// # Errors
/// When the store cannot commit.
pub(crate) async fn committed<S: Documents>(
    store: &S,
    namespace: &Namespace,
    based_on: u64,
    writes: Vec<Write>,
) -> Result<bool, CommitError> {
    match store.commit(namespace, Some(based_on), writes).await {
        Ok(_) => Ok(true),
        Err(CommitError::Conflict { .. } | CommitError::Outdated { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The answer after the last attempt.
pub(crate) fn busy() -> Box<Problem> {
    let detail = "others are changing experiments of this namespace at the same time; try again";
    Problem::boxed(StatusCode::SERVICE_UNAVAILABLE, detail)
}
