//! Taking a look at an experiment: the one way in which the sequential method's verdict is seen.

use abtest_model::event::namespace_of;
use abtest_model::{Experiment, Query};
use abtest_store::Store;
use http::{Response, StatusCode};

use crate::AnswerBody;
use crate::http::problem::Problem;
use crate::http::response::with_body;
use crate::operator::analysis::{AnalysedResults, Analyst, Purpose};
use crate::operator::results::known;

/// Takes a look: remembers how many participants there are and how far the variants are from the
/// control, then answers as `GET /experiments/{name}?method=sequential` does from now on.
///
/// Group-sequential bounds hold if every look is counted that could have ended the experiment. So
/// the verdict moves only here: reading, a dashboard that refreshes, `--watch` are no looks, and
/// show what the looks taken have said. Looks may come at any time and in any number. Those nearer
/// to the one before than a thousandth of the plan are that look again; what a look has decided
/// stays decided. Deleting the experiment forgets its looks.
#[utoipa::path(
    post, path = "/experiments/{name}/looks", tag = "operator",
    params(
        ("name" = String, Path, description = "the experiment's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
        ("planned" = Option<u64>, Query, description = "participants of all variants together at \
            which the experiment is planned to end; the first look needs it, and fixes it"),
        ("control" = Option<String>, Query, description = "the variant that the others are held \
            against; looks with different ones say nothing of each other"),
        ("goal" = Option<String>, Query, description = "the goal that decides; if absent the first"),
        ("level" = Option<String>, Query,
            pattern = "^(0\\.[0-9]{0,5}[1-9]|[1-9][0-9]?(\\.[0-9]{1,5})?%)$",
            description = "of intervals and tests, as `95%` or `0.95`; 95% if absent"),
        ("correction" = Option<String>, Query, description = "for many comparisons: `holm` (if \
            absent) and `bh` share alpha evenly, `none` does not"),
        ("minimum_lift" = Option<String>, Query,
            pattern = "^(0\\.[0-9]{0,5}[1-9]|[1-9][0-9]{0,3}(\\.[0-9]{1,5})?%)$",
            description = "the smallest relative lift \
            that matters, as `5%` or `0.05`; 5% if absent"),
        ("power" = Option<String>, Query,
            pattern = "^(0\\.[1-9][0-9]{0,4}|[1-9][0-9]?(\\.[0-9]{1,3})?%)$",
            description = "the probability to find it, as `80%` or `0.8`; 80% if absent"),
    ),
    responses(
        (status = 200, description = "the look is remembered; the experiment as it sees it",
            body = AnalysedResults),
        (status = 400, description = "a parameter breaks a rule", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "the key is wrong or missing", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "no such experiment", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "the store cannot be reached: no look was taken", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn take<S: Store>(
    store: &S,
    experiment: Experiment,
    query: &str,
    analyst: Option<Analyst>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let query = Query::parse(query)?;
    let namespace = namespace_of(&query)?;
    let analyst = analyst.ok_or_else(|| {
        Problem::not_found("this function writes no analysis, so there is nothing to look at")
    })?;
    let writer = analyst(&query, Purpose::Look)?;
    let mut tally = known(store, &namespace, experiment).await?;
    store.controls(&namespace, std::slice::from_mut(&mut tally)).await?;
    let looks = store.looks(&namespace, &tally.experiment).await?;
    let (look, written) = writer.look(&tally, &looks)?;
    if let Some(look) = look {
        store.take_look(&namespace, &tally.experiment, look).await?;
    }
    Ok(with_body(StatusCode::OK, "application/json", written))
}
