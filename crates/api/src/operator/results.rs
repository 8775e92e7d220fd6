//! Reading results.

use std::task::Poll;

use abtest_model::event::namespace_of;
use abtest_model::results::{GoalResults, Meta};
use abtest_model::{Experiment, ExperimentResults, Namespace, Query};
use abtest_store::{Include, Store};
use http::{Response, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::kept::{self, Kept};
use crate::AnswerBody;
use crate::http::problem::Problem;
use crate::http::response::{json, with_body};
use crate::operator::analysis::{AnalysedResults, Asked, Question, write};

/// Every experiment's results, or those of the scope, as Gimel has them: an array whose first
/// element says what was asked for. Beside Gimel's members stands what the counts mean.
#[utoipa::path(
    get, path = "/experiments", tag = "operator",
    params(
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
        ("scope" = Option<String>, Query, description = "names of experiments, with commas between"),
        ("analysis" = Option<String>, Query, description = "`none` for the counts alone"),
        ("control" = Option<String>, Query, description = "the variant that the others are held \
            against; if absent the one chosen by `PUT /experiments/{experiment}/control`, else one called \
            control, original, baseline, default or off, else the first by name"),
        ("goal" = Option<String>, Query, description = "the goal that decides; if absent the first"),
        ("level" = Option<String>, Query,
            pattern = "^(0\\.[0-9]{0,5}[1-9]|[1-9][0-9]?(\\.[0-9]{1,5})?%)$",
            description = "of intervals and tests, as `95%` or `0.95`; 95% if absent"),
        ("method" = Option<String>, Query, description = "what the verdict follows: \
            `always_valid` (true however often one looks; if absent), `sequential` (at the looks \
            taken by `POST /experiments/{experiment}/looks`; to read is no look) or `fixed` (one look)"),
        ("planned" = Option<u64>, Query, description = "for `method=sequential`, by whoever \
            remembers the looks without abtest, and takes one now: participants of all variants \
            together at which the experiment is planned to end"),
        ("looks" = Option<String>, Query, description = "with `planned`: participants of all \
            variants together at each earlier look, with commas between"),
        ("correction" = Option<String>, Query, description = "for many comparisons: `bonferroni` (if \
            absent), `bh`, `none`"),
        ("minimum_lift" = Option<String>, Query,
            pattern = "^(0\\.[0-9]{0,5}[1-9]|[1-9][0-9]{0,3}(\\.[0-9]{1,5})?%)$",
            description = "the smallest relative lift \
            that matters, as `5%` or `0.05`; 5% if absent"),
        ("days" = Option<bool>, Query, description = "`true` for the time line of each experiment"),
        ("memory" = Option<bool>, Query, description = "`true` for the memory that each \
            experiment's counters use"),
        ("power" = Option<String>, Query,
            pattern = "^(0\\.[1-9][0-9]{0,4}|[1-9][0-9]?(\\.[0-9]{1,3})?%)$",
            description = "the probability to find it, as `80%` or `0.8`; 80% if absent"),
    ),
    responses(
        (status = 200, description = "an element `{meta}`, then an element for each experiment, by \
            name or in the scope's order", body = Vec<ResultsElement>),
        (status = 400, description = "a parameter breaks a rule", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "the key is wrong or missing", body = Problem,
            content_type = "application/problem+json"),
        (status = 500, description = "a key holds no counter", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "the store cannot be reached", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn results<S: Store>(
    store: &S,
    query: &Query<'_>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(query)?;
    let scope = query.get("scope")?;
    let experiments = scope
        .unwrap_or_default()
        .split(',')
        .filter(|name| !name.is_empty())
        .map(Experiment::new)
        .collect::<Result<Vec<_>, _>>()?;
    let question = Question::to_read(query)?;
    let asked = (!experiments.is_empty()).then_some(&*experiments);
    let include = Include { days: query.flag("days")?, memory: query.flag("memory")? };
    let experiments = kept::read(store, &namespace, asked, include).await?;
    let meta = Meta { scope: scope.map(str::to_owned), namespace: namespace.clone() };
    let head = Head { meta };
    let mut array = b"[".to_vec();
    array.extend(serde_json::to_vec(&head).unwrap_or_default());
    for Kept { mut tally, looks, .. } in experiments {
        tally.baselines.clear();
        array.push(b',');
        array.extend(write(question.as_ref(), &tally, &looks, Asked::AmongOthers)?);
        others_first().await;
    }
    array.push(b']');
    Ok(with_body(StatusCode::OK, "application/json", array))
}

/// Lets whoever waits for this thread go first: thousands of experiments take their time, and
/// an event should not wait for them.
async fn others_first() {
    let mut waited = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The first element of the results.
#[derive(Serialize, ToSchema)]
pub(crate) struct Head {
    /// What was asked for.
    meta: Meta,
}

/// One element of the results.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the elements of the array")]
pub(crate) enum ResultsElement {
    /// The first element.
    Head(Head),
    /// Every other element.
    Experiment(Box<AnalysedResults>),
}

/// One experiment's results.
#[utoipa::path(
    get, path = "/experiments/{experiment}", tag = "operator",
    params(
        ("experiment" = String, Path, description = "the experiment's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
        ("analysis" = Option<String>, Query, description = "`none` for the counts alone"),
        ("control" = Option<String>, Query, description = "the variant that the others are held \
            against; if absent the one chosen by `PUT /experiments/{experiment}/control`, else one called \
            control, original, baseline, default or off, else the first by name"),
        ("goal" = Option<String>, Query, description = "the goal that decides; if absent the first"),
        ("level" = Option<String>, Query,
            pattern = "^(0\\.[0-9]{0,5}[1-9]|[1-9][0-9]?(\\.[0-9]{1,5})?%)$",
            description = "of intervals and tests, as `95%` or `0.95`; 95% if absent"),
        ("method" = Option<String>, Query, description = "what the verdict follows: \
            `always_valid` (true however often one looks; if absent), `sequential` (at the looks \
            taken by `POST /experiments/{experiment}/looks`; to read is no look) or `fixed` (one look)"),
        ("planned" = Option<u64>, Query, description = "for `method=sequential`, by whoever \
            remembers the looks without abtest, and takes one now: participants of all variants \
            together at which the experiment is planned to end"),
        ("looks" = Option<String>, Query, description = "with `planned`: participants of all \
            variants together at each earlier look, with commas between"),
        ("correction" = Option<String>, Query, description = "for many comparisons: `bonferroni` (if \
            absent), `bh`, `none`"),
        ("minimum_lift" = Option<String>, Query,
            pattern = "^(0\\.[0-9]{0,5}[1-9]|[1-9][0-9]{0,3}(\\.[0-9]{1,5})?%)$",
            description = "the smallest relative lift \
            that matters, as `5%` or `0.05`; 5% if absent"),
        ("history" = Option<bool>, Query, description = "`true` for the lifts at the end of each day \
            of the time line, with their always-valid bands"),
        ("memory" = Option<bool>, Query, description = "`true` for the memory that its counters use"),
        ("power" = Option<String>, Query,
            pattern = "^(0\\.[1-9][0-9]{0,4}|[1-9][0-9]?(\\.[0-9]{1,3})?%)$",
            description = "the probability to find it, as `80%` or `0.8`; 80% if absent"),
    ),
    responses(
        (status = 200, description = "the experiment", body = AnalysedResults),
        (status = 400, description = "a parameter breaks a rule", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "the key is wrong or missing", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "no such experiment", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "the store cannot be reached", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn result<S: Store>(
    store: &S,
    experiment: Experiment,
    query: &Query<'_>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(query)?;
    let question = Question::to_read(query)?;
    let include = Include { days: true, memory: query.flag("memory")? };
    let Kept { tally, looks, .. } = known(store, &namespace, experiment, include).await?;
    let written = write(question.as_ref(), &tally, &looks, Asked::Alone)?;
    Ok(with_body(StatusCode::OK, "application/json", written))
}

/// One experiment's goals alone, as `gimel.experiment` answers. It has no path of its own: an
/// endpoint gets it by wiring.
pub(crate) async fn gimel_experiment<S: Store>(
    store: &S,
    query: &Query<'_>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let (namespace, experiment) = named(query)?;
    let scope = Some(std::slice::from_ref(&experiment));
    let tallies = store.read(&namespace, scope, Include::COUNTS).await?;
    let tally = tallies.first().ok_or_else(|| unknown(&namespace))?;
    let goals: Vec<GoalResults> = ExperimentResults::from(tally).goals;
    Ok(json(StatusCode::OK, &goals))
}

pub(super) fn named(query: &Query<'_>) -> Result<(Namespace, Experiment), Box<Problem>> {
    let experiment = Experiment::new(query.require(Experiment::PARAMETER)?)?;
    Ok((namespace_of(query)?, experiment))
}

/// An experiment that has counts, with its documents.
pub(super) async fn known<S: Store>(
    store: &S,
    namespace: &Namespace,
    experiment: Experiment,
    include: Include,
) -> Result<Kept, Box<Problem>> {
    let scope = Some(std::slice::from_ref(&experiment));
    let found = kept::read(store, namespace, scope, include).await?.into_iter().next();
    found.filter(|found| !found.tally.is_empty()).ok_or_else(|| unknown(namespace))
}

pub(super) fn unknown(namespace: &Namespace) -> Box<Problem> {
    Problem::not_found(format!(
        "there is no such experiment in the namespace `{}`; GET /experiments lists them",
        namespace.as_str().escape_debug()
    ))
}
