//! Taking a look at an experiment: the one way in which the sequential method's verdict is seen.

use abtest_model::event::namespace_of;
use abtest_model::{Experiment, Query, look};
use abtest_store::contents::{Looks, to_json};
use abtest_store::{CommitError, Include, Kind, Store, Write};
use http::{Response, StatusCode};

use crate::AnswerBody;
use crate::http::problem::Problem;
use crate::http::response::with_body;
use crate::operator::analysis::{self, AnalysedResults, Question};
use crate::operator::kept::Kept;
use crate::operator::results::known;

/// Attempts to take a look while others take looks at the same experiment.
const ATTEMPTS: usize = 10;

/// Takes a look: remembers how many participants there are and how far the variants are from the
/// control, then answers as `GET /experiments/{experiment}?method=sequential` does from now on.
///
/// Group-sequential bounds hold if every look is counted that could have ended the experiment. So
/// the verdict moves only here: reading, a dashboard that refreshes, `--watch` are no looks, and
/// show what the looks taken have said. Looks may come at any time and in any number. Those nearer
/// to the one before than a thousandth of the plan are that look again; what a look has decided
/// stays decided. Deleting the experiment forgets its looks.
#[utoipa::path(
    post, path = "/experiments/{experiment}/looks", tag = "operator",
    params(
        ("experiment" = String, Path, description = "the experiment's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
        ("planned" = Option<u64>, Query, description = "participants of all variants together at \
            which the experiment is planned to end; the first look needs it, and fixes it"),
        ("control" = Option<String>, Query, description = "the variant that the others are held \
            against; looks with different ones say nothing of each other"),
        ("goal" = Option<String>, Query, description = "the goal that decides; if absent the first"),
        ("level" = Option<String>, Query,
            pattern = "^(0\\.[0-9]{0,5}[1-9]|[1-9][0-9]?(\\.[0-9]{1,5})?%)$",
            description = "of intervals and tests, as `95%` or `0.95`; 95% if absent"),
        ("correction" = Option<String>, Query, description = "for many comparisons: `bonferroni` (if \
            absent) and `bh` share alpha evenly, `none` does not"),
        ("method" = Option<String>, Query, description = "`sequential`, which is the only method \
            with looks"),
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
    query: &Query<'_>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(query)?;
    let question = Question::to_look(query)?;
    for _ in 0..ATTEMPTS {
        let Kept { tally, looks, looks_expected } =
            known(store, &namespace, experiment.clone(), Include::COUNTS).await?;
        let (look, written) = analysis::look(&question, &tally, &looks)?;
        let Some(look) = look else {
            return Ok(with_body(StatusCode::OK, "application/json", written));
        };
        let looks = Looks { looks: look::in_order(looks.into_iter().chain([look])) };
        let write = Write::put(Kind::Looks.of(&experiment), looks_expected, to_json(&looks)?);
        match store.commit(&namespace, None, vec![write]).await {
            Ok(_) => return Ok(with_body(StatusCode::OK, "application/json", written)),
            // Someone else took a look meanwhile: take this one after it.
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::boxed(
        StatusCode::SERVICE_UNAVAILABLE,
        "others take looks at this experiment at the same time; try again",
    ))
}
