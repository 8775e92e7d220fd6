//! HTTP itself: from a request's line, headers and body to values, and from values to an answer.
//!
//! | module | holds |
//! |---|---|
//! | [`router`] | which operation a method and a path mean |
//! | [`access`] | who may use the operator's endpoints |
//! | [`body`] | reading a request's body within its limit |
//! | [`problem`] | errors as RFC 9457 documents |
//! | [`response`] | the headers that every answer has |
//! | [`request_summary`] | what a finished request leaves for logs and metrics |

pub mod access;
pub(crate) mod body;
pub mod problem;
pub(crate) mod request_summary;
pub(crate) mod response;
pub(crate) mod router;
