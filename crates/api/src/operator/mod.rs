//! The endpoints behind the API key.
//!
//! | module | holds |
//! |---|---|
//! | [`results`] | reading results |
//! | [`analysis`] | the statistics beside the counts |
//! | [`page`] | the pages of a list |
//! | [`kept`] | experiments with their documents |
//! | [`looks`] | taking a look at an experiment, and discarding all looks |
//! | [`looks_document`] | the looks as they are stored |
//! | [`caps`] | keeping the caps of sums equal to those of definitions |
//! | [`control`] | choosing an experiment's control |
//! | [`beside`] | runs calculations beside the runtime |
//! | [`attempts`] | changing what a namespace holds while others change it |
//! | [`definitions`] | reading and changing the documents of experiments |
//! | [`explain`] | why a unit gets what it gets |
//! | [`settings`] | the settings of a namespace, with its layers |
//! | [`delete`] | deleting an experiment |
//! | [`namespaces`] | listing and deleting namespaces |
//! | [`prune`] | removing a variant or a goal from an experiment |

pub(crate) mod alarms;
mod analysis;
mod api;
mod attempts;
mod beside;
mod caps;
pub(crate) mod control;
pub(crate) mod definitions;
pub(crate) mod delete;
pub(crate) mod explain;
mod kept;
pub(crate) mod looks;
mod looks_document;
pub(crate) mod namespaces;
mod page;
pub(crate) mod prune;
mod refusals;
pub(crate) mod results;
pub(crate) mod settings;

pub use api::OperatorApi;
pub use definitions::import::{ImportError, ImportOptions, import_definition};
pub use kept::check_content;
pub use namespaces::{ListedNamespace, NamespaceDeletion, NamespaceList};
