//! Reading results.

use std::sync::Arc;

use abtest_model::definition::Status;
use abtest_model::event::namespace_of;
use abtest_model::results::Meta;
use abtest_model::{Experiment, ExperimentResults, Namespace, Query};
use abtest_stats::analysis::RaisedAlarm;
use abtest_store::{Include, Store};
use bytes::Bytes;
use http::header::{ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue, LINK};
use http::{Response, StatusCode};

use crate::AnswerBody;
use crate::document::{AnalysedResults, Head, ResultsElement};
use crate::http::answer_limit::AnswerLimit;
use crate::http::problem::Problem;
use crate::http::response::{json, with_body};
use crate::namespace::NamespaceState;
use crate::operator::analysis::{
    AnalysisParameters, Asked, Detail, Question, ReadParameters, Report, read, stuffing,
};
use crate::operator::beside::beside;
use crate::operator::definitions::commit::Definitions;
use crate::operator::kept::{self, Kept};
use crate::operator::page::{self, Page};
use crate::operator::refusals::{NoExperiment, Refusals};
use crate::operator::{alarms, caps};

/// Lists the experiments of a namespace.
///
/// The answer is an array, as Gimel's dashboards read it: the first element says what was asked
/// for, every other element is an experiment with Gimel's members and ours. By default each has a
/// summary of at most 700 bytes; `analysis=full` adds every number.
#[utoipa::path(
    get, path = "/experiments", tag = "operator",
    params(
        ("scope" = Option<String>, Query, pattern = r"^,*([^,\x00-\x1f\x7f-\x9f]{1,200}(,+[^,\x00-\x1f\x7f-\x9f]{1,200})*)?,*$",
            description = "names of experiments, with commas between; all if absent"),
        ("analysis" = inline(Option<Detail>), Query,
            description = "how much of the analysis each experiment has; `summary` if absent"),
        ("status" = Option<String>, Query,
            pattern = r"^(draft|running|paused|completed|archived|undefined)(,(draft|running|paused|completed|archived|undefined))*$",
            description = "only experiments with these statuses, with commas between; `undefined` \
                stands for those without a definition; all but archived ones if absent. A scope \
                ignores it"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 10000,
            description = "most experiments in the answer; the header `Link` leads to the next page"),
        ("cursor" = Option<String>, Query, min_length = 1, max_length = 200,
            description = "the last experiment of the previous page, as the header `Link` has it"),
        ("days" = Option<bool>, Query, description = "`true` for the time line of each experiment"),
        AnalysisParameters, ReadParameters,
    ),
    responses(
        (status = 200, description = "an element `{meta}`, then an element for each experiment, by \
            name or in the scope's order", body = Vec<ResultsElement>,
            headers(("Link" = String, description = "the next page, if there is one (RFC 8288)"))),
        Refusals,
        (status = 400, description = "a parameter breaks a rule, or the answer is too large", body = Problem,
            content_type = "application/problem+json"),
        (status = 500, description = "a key holds no counter", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn results<S: Store>(
    store: &S,
    definitions: &Definitions,
    query: &Query<'_>,
    limit: AnswerLimit,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(query)?;
    let scope = query.get("scope")?;
    let experiments = scope
        .unwrap_or_default()
        .split(',')
        .filter(|name| !name.is_empty())
        .map(Experiment::new)
        .collect::<Result<Vec<_>, _>>()?;
    let question = Question::to_read(query, Detail::Summary)?;
    let page = Page::from_query(query)?;
    let asked = (!experiments.is_empty()).then_some(&*experiments);
    let include = Include {
        days: query.flag("days")?,
        memory: query.flag("memory")?,
        values: true,
        ..Include::COUNTS
    };
    let statuses = Statuses::from_query(query)?;
    let state = definitions.namespaces.read(store, &namespace).await?;
    let (experiments, next) =
        read_page(store, &state, &namespace, asked, include, &statuses, &page).await?;
    let meta = Meta { scope: scope.map(str::to_owned), namespace: namespace.to_string() };
    let mut array = b"[".to_vec();
    array.extend(to_json(&Head { meta }));
    let mut new_alarms = Vec::new();
    let question = Arc::new(question);
    let mut experiments = experiments.into_iter();
    loop {
        let some: Vec<Kept> = experiments.by_ref().take(AT_ONCE).collect();
        if some.is_empty() {
            break;
        }
        let question = Arc::clone(&question);
        let (elements, alarms) = beside(move || elements(some, &question)).await??;
        array.extend(elements);
        new_alarms.extend(alarms);
    }
    array.push(b']');
    alarms::store(store, &namespace, state.version, &new_alarms).await;
    let mut answer = limit.answer(array)?;
    if let Some(link) = next.and_then(|next| page::link(query, &next)) {
        answer.headers_mut().insert(LINK, link);
        let exposed = HeaderValue::from_static("Link");
        answer.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    Ok(answer)
}

/// Experiments of a list that are analysed at once. Then another request may have its turn.
const AT_ONCE: usize = 32;

/// The sample ratio alarms that a list is the first to find.
type NewAlarms = Vec<(Experiment, RaisedAlarm)>;

/// The elements of some experiments, each after a comma, and their new alarms.
fn elements(
    experiments: Vec<Kept>,
    question: &Question,
) -> Result<(Vec<u8>, NewAlarms), Box<Problem>> {
    let (mut elements, mut new_alarms) = (Vec::new(), Vec::new());
    for Kept { mut tally, earlier, .. } in experiments {
        tally.baselines.clear();
        elements.push(b',');
        let report = read(question, &tally, &earlier, Asked::AmongOthers)?;
        elements.extend(to_json(&report.answer));
        new_alarms.extend(report.new_alarm.map(|alarm| (tally.experiment, alarm)));
    }
    Ok((elements, new_alarms))
}

/// The experiments of a page, and the one after which the next page starts.
async fn read_page<S: Store>(
    store: &S,
    state: &NamespaceState,
    namespace: &Namespace,
    scope: Option<&[Experiment]>,
    include: Include,
    statuses: &Statuses,
    page: &Page,
) -> Result<(Vec<Kept>, Option<Experiment>), Box<Problem>> {
    let is_shown = |name: &Experiment| scope.is_some() || statuses.include(state, name);
    if page.is_whole() {
        let mut all = kept::read(store, state, namespace, scope, include).await?;
        all.retain(|kept| is_shown(&kept.tally.experiment));
        return Ok((all, None));
    }
    let mut all = store.read(namespace, scope, Include::COUNTS).await?;
    if scope.is_none() {
        kept::add_defined(&mut all, state);
    }
    all.retain(|tally| is_shown(&tally.experiment));
    let (names, next) = page.cut(&all, scope.is_some())?;
    if names.is_empty() {
        return Ok((Vec::new(), None));
    }
    Ok((kept::read(store, state, namespace, Some(&names), include).await?, next))
}

/// The experiments that a list shows, by their status.
#[derive(Debug, PartialEq, Eq)]
struct Statuses {
    defined: Vec<Status>,
    undefined: bool,
}

impl Statuses {
    /// Reads `status`. Absent: all but archived experiments.
    fn from_query(query: &Query<'_>) -> Result<Self, Box<Problem>> {
        let Some(text) = query.get("status")? else {
            let shown = Status::ALL.into_iter().filter(|status| *status != Status::Archived);
            return Ok(Self { defined: shown.collect(), undefined: true });
        };
        let mut statuses = Self { defined: Vec::new(), undefined: false };
        for word in text.split(',') {
            match Status::ALL.into_iter().find(|status| status.as_str() == word) {
                Some(status) => statuses.defined.push(status),
                None if word == "undefined" => statuses.undefined = true,
                None => {
                    let detail = "parameter `status` must be one or several of draft, running, \
                        paused, completed, archived and undefined, with commas between";
                    return Err(Problem::wrong_parameter("status", "one-of", detail));
                }
            }
        }
        Ok(statuses)
    }

    fn include(&self, state: &NamespaceState, experiment: &Experiment) -> bool {
        match state.definition(experiment.as_str()) {
            Some(document) => self.defined.contains(&document.definition.status),
            None => self.undefined,
        }
    }
}

impl AnswerLimit {
    /// The answer with a JSON body, unless it is too large.
    fn answer(self, body: impl Into<Bytes>) -> Result<Response<AnswerBody>, Box<Problem>> {
        let hint = "use `limit` to read it in pages, or `scope` to name the experiments";
        self.answer_with_hint(body, "limit", hint)
    }

    /// The same for an endpoint with other parameters. The hint says how to get a smaller answer.
    pub(super) fn answer_with_hint(
        self,
        body: impl Into<Bytes>,
        parameter: &str,
        hint: &str,
    ) -> Result<Response<AnswerBody>, Box<Problem>> {
        let body = body.into();
        match self.refusal(&body, hint) {
            Some(detail) => Err(Problem::wrong_parameter(parameter, "answer-size", detail)),
            None => Ok(with_body(StatusCode::OK, "application/json", body)),
        }
    }
}

pub(super) fn to_json(results: &impl serde::Serialize) -> Vec<u8> {
    // These types always serialise.
    serde_json::to_vec(results).unwrap_or_else(|_| b"null".to_vec())
}

/// Reads one experiment.
#[utoipa::path(
    get, path = "/experiments/{experiment}", tag = "operator",
    params(
        ("experiment" = String, Path, description = "the experiment's name"),
        ("analysis" = inline(Option<Detail>), Query,
            description = "how much of the analysis the answer has; `full` if absent"),
        ("history" = Option<bool>, Query, description = "`true` for the lift at the end of each \
            day, with its always-valid interval"),
        AnalysisParameters, ReadParameters,
    ),
    responses(
        (status = 200, description = "the experiment", body = AnalysedResults),
        Refusals, NoExperiment,
    ),
    security(("key" = []))
)]
pub(crate) async fn result<S: Store>(
    store: &S,
    definitions: &Definitions,
    experiment: Experiment,
    query: &Query<'_>,
    limit: AnswerLimit,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(query)?;
    let question = Question::to_read(query, Detail::Full)?;
    let include = Include { memory: query.flag("memory")?, ..kept::OF_A_REPORT };
    let state = definitions.namespaces.read(store, &namespace).await?;
    let mut kept = known(store, &state, &namespace, experiment.clone(), include).await?;
    if let Some(document) = state.definition(experiment.as_str()) {
        let values = kept.tally.values.as_ref();
        if caps::align(store, &namespace, &experiment, &document.definition, values).await? {
            kept = known(store, &state, &namespace, experiment, include).await?;
        }
    }
    let Kept { tally, earlier, .. } = kept;
    let (tally, report) = beside(move || {
        let report = read(&question, &tally, &earlier, Asked::Alone);
        (tally, report)
    })
    .await?;
    let Report { mut answer, new_alarm } = report?;
    if let Some(analysis) = &mut answer.analysis {
        stuffing::add(store, &namespace, &tally, analysis).await?;
    }
    if let Some(alarm) = new_alarm {
        alarms::store(store, &namespace, state.version, &[(tally.experiment, alarm)]).await;
    }
    limit.answer_with_hint(
        to_json(&answer),
        "analysis",
        "use `analysis=summary`, or read the store with `abtest results` itself",
    )
}

/// One experiment's goals alone, as `gimel.experiment` answers. It has no path of its own: an
/// endpoint gets it by wiring. As in Gimel, an unknown experiment has no goals.
pub(crate) async fn gimel_experiment<S: Store>(
    store: &S,
    query: &Query<'_>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let (namespace, experiment) = named(query)?;
    let scope = Some(std::slice::from_ref(&experiment));
    let tallies = store.read(&namespace, scope, Include::COUNTS).await?;
    let goals = tallies.first().map(|tally| ExperimentResults::from(tally).goals);
    Ok(json(StatusCode::OK, &goals.unwrap_or_default()))
}

pub(super) fn named(query: &Query<'_>) -> Result<(Namespace, Experiment), Box<Problem>> {
    let experiment = Experiment::new(query.require(Experiment::PARAMETER)?)?;
    Ok((namespace_of(query)?, experiment))
}

/// An experiment that has counts or a definition, with its documents. `state` must have been read
/// before.
pub(super) async fn known<S: Store>(
    store: &S,
    state: &NamespaceState,
    namespace: &Namespace,
    experiment: Experiment,
    include: Include,
) -> Result<Kept, Box<Problem>> {
    let scope = Some(std::slice::from_ref(&experiment));
    let found = kept::read(store, state, namespace, scope, include).await?.into_iter().next();
    let exists = |found: &Kept| !found.tally.is_empty() || found.earlier.definition.is_some();
    found.filter(exists).ok_or_else(|| unknown(namespace))
}

pub(super) fn unknown(namespace: &Namespace) -> Box<Problem> {
    Problem::not_found(format!(
        "there is no such experiment in the namespace `{}`; GET /experiments lists them",
        namespace.as_str().escape_debug()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_measured_as_lambda_sends_it() {
        let limit = AnswerLimit(Some(12));
        assert!(limit.answer(&b"[\"a\",\"b\"]"[..]).is_err(), "9 bytes, 13 as a string");
        assert!(limit.answer(&b"[\"a\", 12]"[..]).is_ok());
        let problem = limit.answer(vec![b' '; 13]).unwrap_err();
        let problem = serde_json::to_value(&problem).unwrap();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("`limit`") && detail.contains("`scope`"), "{detail}");
        let problem = limit.answer_with_hint(vec![b' '; 13], "analysis", "use less").unwrap_err();
        let problem = serde_json::to_value(&problem).unwrap();
        assert_eq!(problem["parameter"], "analysis");
        assert!(!problem["detail"].as_str().unwrap().contains("limit"), "{problem}");
        assert!(AnswerLimit::default().answer(vec![b' '; 100]).is_ok());
    }
}
