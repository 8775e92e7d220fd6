//! A request's query string, checked against the parameters that its operation has.

use abtest_model::Query;
use abtest_model::endpoint::{ENDPOINTS, Operation};
use http::Uri;

use crate::http::problem::Problem;

/// Decodes a query string, and refuses a parameter that the operation does not know: a misspelt
/// one must not be ignored.
pub(crate) fn parse(uri: &Uri, operation: Operation) -> Result<Query<'_>, Box<Problem>> {
    let query = Query::parse(uri.query().unwrap_or_default())?;
    let endpoint = ENDPOINTS.iter().find(|endpoint| endpoint.operation == operation);
    query.check_known(endpoint.map_or(GIMEL_EXPERIMENT, |endpoint| endpoint.parameters))?;
    Ok(query)
}

/// `gimel.experiment` has no path of its own, so it is not in the table.
const GIMEL_EXPERIMENT: &[&str] = &["namespace", "experiment"];
