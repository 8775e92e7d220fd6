//! What logs and metrics need to know about a finished request.

use abtest_store::StoreError;
use http::Response;

use crate::AnswerBody;
use crate::http::problem::Problem;
use crate::http::request_id::RequestId;

/// An extension of every response.
#[derive(Debug, Clone, Default)]
pub struct RequestSummary {
    /// The operation's name; empty if the path or the method is unknown.
    pub operation: &'static str,
    /// Events that are stored.
    pub accepted: usize,
    /// Events that broke a rule.
    pub invalid: usize,
    /// Events that name something undeclared in a namespace that accepts declared names only.
    pub undeclared: usize,
    /// Events that a limit refused.
    pub limited: usize,
    /// Events that could not be counted for another reason.
    pub failed: usize,
    /// Why the store failed.
    pub error: Option<StoreError>,
    /// The id of a failure in the log. The answer has it, too.
    pub request_id: Option<RequestId>,
}

impl RequestSummary {
    /// The response to an answer or a problem, with this summary.
    pub(crate) fn attach(
        mut self,
        answer: Result<Response<AnswerBody>, Box<Problem>>,
    ) -> Response<AnswerBody> {
        let mut response = answer.unwrap_or_else(|mut problem| {
            self.error.clone_from(&problem.store_error);
            self.request_id = problem.log().cloned();
            problem.into_response()
        });
        response.extensions_mut().insert(self);
        response
    }
}
