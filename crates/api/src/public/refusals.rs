//! The refusals that `/openapi.json` lists for the public endpoints. An endpoint that says more about a
//! status lists that status itself, after these.

use utoipa::IntoResponses;

use crate::http::problem::Problem;

/// What each public endpoint can answer.
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
        status = 429,
        description = "too many requests from this address",
        content_type = "application/problem+json"
    )]
    TooOften(Problem),
}

/// What an endpoint that reads a body can answer besides.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described in /openapi.json, never constructed")]
pub(crate) enum BodyRefusals {
    #[response(
        status = 408,
        description = "the body came too slowly for `abtest serve`",
        content_type = "application/problem+json"
    )]
    Slow(Problem),
    #[response(status = 413, description = "over 1 MiB", content_type = "application/problem+json")]
    Large(Problem),
    #[response(
        status = 415,
        description = "another content type, another charset than UTF-8, or compressed",
        content_type = "application/problem+json"
    )]
    Type(Problem),
}

/// What an endpoint that reads a namespace can answer besides.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described in /openapi.json, never constructed")]
pub(crate) enum ReadRefusals {
    #[response(
        status = 500,
        description = "the settings of the namespace cannot be read, or the answer is larger than a function \
            can send",
        content_type = "application/problem+json"
    )]
    Settings(Problem),
    #[response(
        status = 503,
        description = "the store cannot be read; send the request again",
        content_type = "application/problem+json"
    )]
    Unreachable(Problem),
}

/// What a stream can answer besides.
#[derive(IntoResponses)]
#[response(
    status = 503,
    description = "too many streams are open, or the store cannot be read",
    content_type = "application/problem+json"
)]
#[expect(dead_code, reason = "described in /openapi.json, never constructed")]
pub(crate) struct NoStream(Problem);

/// What an endpoint for GrowthBook's SDKs can answer besides.
#[derive(IntoResponses)]
#[response(
    status = 409,
    description = "the namespace uses another hash than the SDKs",
    content_type = "application/problem+json"
)]
#[expect(dead_code, reason = "described in /openapi.json, never constructed")]
pub(crate) struct OtherHash(Problem);
