//! The refusals that `/openapi.json` lists for the operator's endpoints.

use utoipa::IntoResponses;

use crate::http::problem::Problem;

/// What every operator's endpoint can answer. An endpoint that says more about a status lists that
/// status itself, after these.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described in /openapi.json, never constructed")]
pub(crate) enum Refusals {
    #[response(
        status = 400,
        description = "a parameter breaks a rule",
        content_type = "application/problem+json"
    )]
    Rule(Problem),
    #[response(
        status = 401,
        description = "the key is wrong or missing",
        content_type = "application/problem+json"
    )]
    Key(Problem),
    #[response(
        status = 403,
        description = "the key may only read",
        content_type = "application/problem+json"
    )]
    ReadKey(Problem),
    #[response(
        status = 429,
        description = "too many wrong keys from this address; `abtest serve` limits them",
        content_type = "application/problem+json"
    )]
    WrongKeys(Problem),
    #[response(
        status = 503,
        description = "the store cannot be reached",
        content_type = "application/problem+json"
    )]
    Unreachable(Problem),
}

/// What an endpoint of one experiment can answer besides.
#[derive(IntoResponses)]
#[response(
    status = 404,
    description = "no such experiment",
    content_type = "application/problem+json"
)]
#[expect(dead_code, reason = "described in /openapi.json, never constructed")]
pub(crate) struct NoExperiment(Problem);

/// What an endpoint that needs the stored looks can answer besides.
#[derive(IntoResponses)]
#[response(
    status = 409,
    description = "the stored looks cannot be read",
    content_type = "application/problem+json"
)]
#[expect(dead_code, reason = "described in /openapi.json, never constructed")]
pub(crate) struct DamagedLooks(Problem);
