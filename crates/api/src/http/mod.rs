//! HTTP: reads a request's line, headers and body, and writes answers.
//!
//! | module | holds |
//! |---|---|
//! | [`router`] | finds the operation of a method and a path |
//! | [`api_keys`] | the keys that operators need |
//! | [`secret_digest`] | compares a secret with a guess |
//! | [`query`] | reads the query string; only known parameters are accepted |
//! | [`body`] | reads a body within its limit |
//! | [`author`] | who makes a change |
//! | [`conditions`] | entity tags and conditions |
//! | [`problem`] | errors as RFC 9457 documents |
//! | [`request_id`] | the id of a failed request, which the log has too |
//! | [`response`] | the headers that every answer has |
//! | [`request_summary`] | what logs and metrics need to know about a finished request |

#[cfg(feature = "assign")]
pub(crate) mod answer_limit;
pub(crate) mod api_keys;
pub(crate) mod author;
pub(crate) mod body;
pub(crate) mod conditions;
pub(crate) mod problem;
pub(crate) mod query;
pub(crate) mod request_id;
pub(crate) mod request_summary;
pub(crate) mod response;
pub(crate) mod router;
pub(crate) mod secret_digest;
