//! abtest's HTTP API: an `http::Request` becomes an `http::Response`. No socket and no AWS here:
//! the Lambda functions and `abtest serve` use it unchanged.
//!
//! [`TrackApi`] records events, [`AssignApi`] says which unit gets which variant, and [`OperatorApi`]
//! is what operators need. They are three types, so that the functions that browsers reach contain
//! no code that reads or deletes counts. [`Gateway`] is all of them behind one address.
//!
//! | module | holds |
//! |---|---|
//! | `http` | routing, bodies, keys, problems, headers |
//! | `public` | the endpoints that browsers need |
//! | `operator` | the endpoints that operators need |
//! | [`document`] | the results, as the API writes and clients read them |
//! | [`edited`] | what a change of a definition does, and the history of changes |
//! | [`settings`] | the settings of a namespace |
//! | `namespace` | what a namespace defines |
//! | [`openapi`] | the description of all this, made from the code |
//!
//! [`AssignApi`] needs the feature `assign`. [`document`], [`openapi`], `operator` and [`Gateway`] need
//! the feature `operator`. The functions that browsers reach are built without it.
//!
//! An event's way: bytes → [`Event`](abtest_model::Event), validated once →
//! [`Recorder::record`](abtest_store::Recorder::record), one round trip → answer.

#[cfg(feature = "operator")]
pub mod document;
#[cfg(feature = "operator")]
pub mod edited;
#[cfg(feature = "operator")]
mod gateway;
#[cfg_attr(
    not(feature = "operator"),
    allow(dead_code, reason = "the operator's API uses all of it")
)]
mod http;
#[cfg_attr(
    not(feature = "operator"),
    allow(dead_code, reason = "the operator's API uses all of it")
)]
mod namespace;
#[cfg(feature = "operator")]
pub mod openapi;
#[cfg(feature = "operator")]
mod operator;
mod public;
#[cfg(feature = "operator")]
pub mod settings;

use bytes::Bytes;
use http_body_util::Full;

pub use self::http::api_keys::{ApiKeys, CheckedByGateway, KEY_HEADER, OpenByWiring, ROLE_HEADER};
pub use self::http::author::{ACTOR_HEADER, KeyId};
pub use self::http::problem::{MAX_BODY_BYTES, Problem};
pub use self::http::request_id::RequestId;
pub use self::http::request_summary::RequestSummary;
pub use self::http::router::RouteError;
pub use self::http::secret_digest::SecretDigest;
#[cfg(feature = "operator")]
pub use abtest_assign::Explanation;
#[cfg(feature = "operator")]
pub use gateway::{Gateway, Route, WiredPath};
#[cfg(feature = "operator")]
pub use operator::{
    ImportError, ImportOptions, ListedNamespace, NamespaceDeletion, NamespaceList, OperatorApi,
    check_content, import_definition,
};
#[cfg(feature = "assign")]
pub use public::AssignApi;
pub use public::TrackApi;
#[cfg(feature = "operator")]
pub use public::stream::Events;

/// What every answer's body is.
pub type AnswerBody = Full<Bytes>;
