//! Carries out the steps of schedules that are due.

use abtest_model::definition::{
    Current, Document, Edit, Precondition, Request, ScheduledStep, Status, Time, Writer,
};
use abtest_model::{Experiment, Namespace};
use abtest_store::Store;
use serde_json::{Value, json};

use super::commit::Definitions;
use super::plan::{generated, plan};
use crate::edited::{DoneStep, FailedStep, Tick};
use crate::http::author::Author;
use crate::http::problem::Problem;
use crate::namespace::NamespaceState;
use crate::operator::attempts::{ATTEMPTS, busy, committed};

impl Definitions {
    /// Carries out what is due now in one namespace, or in all of them. Several processes may do so
    /// at once: each step is carried out once.
    pub(crate) async fn tick<S: Store>(
        &self,
        store: &S,
        namespace: Option<Namespace>,
        now: Time,
    ) -> Result<Tick, Box<Problem>> {
        let namespaces = match namespace {
            Some(namespace) => vec![namespace],
            None => store.namespaces().await?,
        };
        let mut tick = Tick::default();
        for namespace in namespaces {
            self.tick_namespace(store, &namespace, now, &mut tick).await?;
        }
        Ok(tick)
    }

    async fn tick_namespace<S: Store>(
        &self,
        store: &S,
        namespace: &Namespace,
        now: Time,
        tick: &mut Tick,
    ) -> Result<(), Box<Problem>> {
        let state = self.namespaces.read(store, namespace).await?;
        let names: Vec<String> = state
            .definitions()
            .filter(|(_, document)| next_step(document, now).is_some())
            .map(|(name, _)| name.to_owned())
            .collect();
        for name in names {
            let Ok(experiment) = Experiment::new(name) else { continue };
            let writer = self.writer(namespace);
            let _turn = writer.lock().await;
            // Later steps of one experiment need the earlier ones.
            loop {
                match self.step(store, namespace, &experiment, now).await {
                    Ok(None) => break,
                    Ok(Some((step, version))) => tick.done.push(DoneStep {
                        namespace: namespace.to_string(),
                        experiment: experiment.to_string(),
                        step: word(step),
                        version,
                    }),
                    Err((step, problem)) => {
                        tick.failed.push(FailedStep {
                            namespace: namespace.to_string(),
                            experiment: experiment.to_string(),
                            step: word(step),
                            reason: problem.detail().to_owned(),
                        });
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Carries out the next step of an experiment that is due, if there is one.
    async fn step<S: Store>(
        &self,
        store: &S,
        namespace: &Namespace,
        experiment: &Experiment,
        now: Time,
    ) -> Result<Option<(ScheduledStep, u64)>, (ScheduledStep, Box<Problem>)> {
        let mut tried = ScheduledStep::Start;
        for _ in 0..ATTEMPTS {
            let state = self.namespaces.read(store, namespace).await;
            let state = state.map_err(|error| (tried, error.into()))?;
            let Some(document) = state.definition(experiment.as_str()) else { return Ok(None) };
            let Some(step) = next_step(document, now) else { return Ok(None) };
            tried = step;
            let (writes, version) = planned(&state, experiment, document, step, now)
                .map_err(|problem| (step, problem))?;
            let stored = committed(store, namespace, state.version, writes).await;
            if stored.map_err(|error| (step, error.into()))? {
                return Ok(Some((step, version)));
            }
        }
        Err((tried, busy()))
    }
}

/// The first step that is due. A completed or archived experiment has none.
fn next_step(document: &Document, now: Time) -> Option<ScheduledStep> {
    match document.definition.status {
        Status::Draft | Status::Running | Status::Paused => {
            document.definition.schedule.as_ref()?.due(now).into_iter().next()
        }
        Status::Completed | Status::Archived => None,
    }
}

/// The writes of a step, and the version that they make. A step that has nothing left to do, such as
/// the start of a running experiment, is only marked as done.
fn planned(
    state: &NamespaceState,
    experiment: &Experiment,
    document: &Document,
    step: ScheduledStep,
    now: Time,
) -> Result<(Vec<abtest_store::Write>, u64), Box<Problem>> {
    let definition = &document.definition;
    let schedule = definition.schedule.clone().map(|schedule| schedule.done(step, now));
    let mut body = json!({"schedule": schedule, "why": format!("{} of the schedule", word(step))});
    match (step, definition.status) {
        (ScheduledStep::Start, Status::Draft) => body["status"] = json!(Status::Running),
        (ScheduledStep::Stop, Status::Running) => body["status"] = json!(Status::Paused),
        (ScheduledStep::Ramp(index), _) => {
            let steps = definition.schedule.as_ref().map(|schedule| &schedule.ramp);
            let step = steps.and_then(|steps| steps.get(index));
            body["traffic"] = step.map_or(Value::Null, |step| json!(step.traffic));
        }
        _ => {}
    }
    let current = Current::Defined(Box::new(document.clone()));
    let generated = generated(state, &current);
    let request = Request {
        edit: Edit::Patch,
        body: &body,
        precondition: Precondition::Version(document.version),
        writer: Writer::Monitor,
        now,
        generated: &generated,
    };
    let author = Author { by: "schedule".to_owned(), actor: None };
    let planned = plan(state, experiment, &current, &request, &author, None)?;
    Ok((planned.writes, planned.after.version))
}

fn word(step: ScheduledStep) -> String {
    match step {
        ScheduledStep::Start => "start".to_owned(),
        ScheduledStep::Ramp(index) => format!("ramp[{index}]"),
        ScheduledStep::Stop => "stop".to_owned(),
    }
}
