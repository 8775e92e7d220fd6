//! The JSON of the documents that belong to an experiment's counts. Unknown members are errors,
//! so that an older version never drops what a newer one stored.

use abtest_model::{Baseline, Experiment, Look, Namespace};
use serde::{Deserialize, Serialize};

use crate::{CommitError, Documents, Expected, Kind, StoreError, Write};

/// The document [`Kind::Looks`](crate::Kind::Looks).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Looks {
    /// The looks taken, fewest participants first.
    pub looks: Vec<Look>,
}

/// The document [`Kind::Control`](crate::Kind::Control).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The variant that the others are compared with.
    pub control: String,
}

/// The document [`Kind::Baseline`](crate::Kind::Baseline).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baselines {
    /// What other programs had counted. It is never added to the counts.
    pub baselines: Vec<Baseline>,
}

/// Stores what other programs counted for an experiment. It replaces earlier baselines of the
/// same goals and variants.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn put_baselines(
    documents: &impl Documents,
    namespace: &Namespace,
    experiment: &Experiment,
    baselines: &[Baseline],
) -> Result<(), StoreError> {
    let key = Kind::Baseline.of(experiment);
    loop {
        let found = documents.get(namespace, &key).await?;
        let expected = Expected::found(found.as_ref());
        let mut stored: Baselines =
            found.map(|found| found.parse()).transpose()?.unwrap_or_default();
        stored.baselines.retain(|old| {
            !baselines.iter().any(|new| (&new.goal, &new.label) == (&old.goal, &old.label))
        });
        stored.baselines.extend_from_slice(baselines);
        let content = to_json(&stored)?;
        let write = Write::put(key.clone(), expected, content);
        match documents.commit(namespace, None, vec![write]).await {
            Ok(_) => return Ok(()),
            Err(CommitError::Store(error)) => return Err(error),
            // Someone else was faster: read again.
            Err(_) => {}
        }
    }
}

/// The JSON text of a content.
///
/// # Errors
/// When it holds a number that JSON does not have.
pub fn to_json<T: Serialize>(content: &T) -> Result<String, StoreError> {
    serde_json::to_string(content).map_err(|error| StoreError::Unexpected(error.to_string()))
}
