//! HTTP itself: from a request's line, headers and body to values, and from values to an answer.
//!
//! | module | holds |
//! |---|---|
//! | [`router`] | which operation a method and a path mean |
//! | [`api_keys`] | the keys that operators need |
//! | [`secret_digest`] | comparing a secret with a guess |
//! | [`query`] | a request's query string, with known parameters only |
//! | [`body`] | reading a request's body within its limit |
//! | [`author`] | who makes a change |
//! | [`conditions`] | entity tags and conditions |
//! | [`problem`] | errors as RFC 9457 documents |
//! | [`response`] | the headers that every answer has |
//! | [`request_summary`] | what a finished request leaves for logs and metrics |

pub(crate) mod api_keys;
pub(crate) mod author;
pub(crate) mod body;
pub(crate) mod conditions;
pub(crate) mod problem;
pub(crate) mod query;
pub(crate) mod request_summary;
pub(crate) mod response;
pub(crate) mod router;
pub(crate) mod secret_digest;
