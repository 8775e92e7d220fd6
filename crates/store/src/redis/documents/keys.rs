//! The keys of a namespace's documents. All share one hash tag, so one node of a cluster has them
//! and one script can change them together.
//!
//! | key | type | holds |
//! |---|---|---|
//! | `abtest:{documents:NS}:version` | number | the namespace's version |
//! | `abtest:{documents:NS}:KIND` | hash | by name, `VERSION JSON`, or `VERSION` once deleted |
//! | `abtest:{documents:NS}:history:KIND:NAME` | list | `VERSION MILLISECONDS JSON` per change |
//! | `abtest:documents:namespaces` | set | the namespaces that documents were written to |
//! | `abtest:{documents:NS}:commit:ID` | list | for a minute: the answer to a commit |
//! | `abtest:{documents:NS}:damaged` | list | `HASH NAME MILLISECONDS RECORD` per damaged record that was replaced |
//! | `abtest:{documents:NS}:migrated` | text | set once the keys of older versions were read |

use abtest_model::Namespace;

use crate::redis::keys::NamespaceKeys;
use crate::{DocumentKey, Kind};

/// The set of namespaces that documents were written to.
pub(super) const NAMESPACES: &str = "abtest:documents:namespaces";

/// The common beginning of the keys of a namespace.
pub(super) struct Keys(String);

impl Keys {
    pub(super) fn new(namespace: &Namespace) -> Self {
        // The escaped namespace has no colon, so no two namespaces share a key. A brace in it ends
        // the hash tag early, which is still the same and not empty for all of its keys.
        Self(format!("abtest:{{documents:{}}}:", NamespaceKeys::new(namespace).member()))
    }

    pub(super) fn version(&self) -> String {
        format!("{}version", self.0)
    }

    pub(super) fn kind(&self, kind: Kind) -> String {
        format!("{}{kind}", self.0)
    }

    pub(super) fn history(&self, key: &DocumentKey) -> String {
        format!("{}history:{}:{}", self.0, key.kind, key.name)
    }

    /// The key of the answer to a commit with this random id.
    pub(super) fn commit(&self, id: &str) -> String {
        format!("{}commit:{id}", self.0)
    }

    pub(super) fn damaged(&self) -> String {
        format!("{}damaged", self.0)
    }

    pub(super) fn migrated(&self) -> String {
        format!("{}migrated", self.0)
    }
}
