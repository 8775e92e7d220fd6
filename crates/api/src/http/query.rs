//! A request's query string, checked against the parameters of its operation.

use abtest_model::Query;
use abtest_model::endpoint::{ENDPOINTS, Operation, TrackOperation};
use http::Uri;

use crate::http::problem::Problem;

/// Decodes a query string. An unknown parameter is refused, because it can be a misspelled one.
/// Tracking ignores unknown parameters: cache busters and `utm_…` must not lose an event.
pub(crate) fn parse(uri: &Uri, operation: Operation) -> Result<Query<'_>, Box<Problem>> {
    let query = Query::parse(uri.query().unwrap_or_default())?;
    if operation == Operation::Track(TrackOperation::TrackOne) {
        return Ok(query);
    }
    let endpoint = ENDPOINTS.iter().find(|endpoint| endpoint.operation == operation);
    query.check_known(endpoint.map_or(GIMEL_EXPERIMENT, |endpoint| endpoint.parameters))?;
    Ok(query)
}

/// `gimel.experiment` has no path of its own, so it is not in the table.
const GIMEL_EXPERIMENT: &[&str] = &["namespace", "experiment"];
