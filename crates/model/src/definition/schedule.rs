//! Changes that the server makes by itself at a planned time.

use serde::{Deserialize, Serialize};

use super::Traffic;
use super::time::Time;

/// Most steps of a ramp.
pub const MAX_RAMP_STEPS: usize = 100;

/// The planned changes of one experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Schedule {
    /// When a draft starts.
    #[cfg_attr(feature = "schema", schemars(with = "Option<super::schema::TimeText>"))]
    pub start: Option<Time>,
    /// When the start was carried out. The server writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<super::schema::TimeText>"))]
    pub start_done_at: Option<Time>,
    /// Changes of traffic, in the order of their times. At most 100.
    pub ramp: Vec<RampStep>,
    /// When the experiment is paused. Completing it needs a person who names the winner.
    #[cfg_attr(feature = "schema", schemars(with = "Option<super::schema::TimeText>"))]
    pub stop: Option<Time>,
    /// When the stop was carried out. The server writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<super::schema::TimeText>"))]
    pub stop_done_at: Option<Time>,
}

/// One change of traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RampStep {
    /// When it happens.
    #[cfg_attr(feature = "schema", schemars(with = "super::schema::TimeText"))]
    pub at: Time,
    /// The traffic from then on.
    pub traffic: Traffic,
    /// When it was carried out. The server writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<super::schema::TimeText>"))]
    pub done_at: Option<Time>,
}

/// A step of a schedule, to be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduledStep {
    /// Start the draft.
    Start,
    /// Set the traffic of the ramp's step with this index.
    Ramp(usize),
    /// Pause the experiment.
    Stop,
}

impl Schedule {
    /// The steps that are due at `now` and not done, in the order of their times.
    #[must_use]
    pub fn due(&self, now: Time) -> Vec<ScheduledStep> {
        let start = self.start.filter(|_| self.start_done_at.is_none());
        let stop = self.stop.filter(|_| self.stop_done_at.is_none());
        let ramp = self.ramp.iter().enumerate().filter(|(_, step)| step.done_at.is_none());
        let mut steps: Vec<(Time, ScheduledStep)> = Vec::new();
        steps.extend(start.map(|at| (at, ScheduledStep::Start)));
        steps.extend(ramp.map(|(index, step)| (step.at, ScheduledStep::Ramp(index))));
        steps.extend(stop.map(|at| (at, ScheduledStep::Stop)));
        steps.retain(|(at, _)| *at <= now);
        steps.sort_by_key(|(at, _)| *at);
        steps.into_iter().map(|(_, step)| step).collect()
    }

    /// The schedule after `step` was carried out at `now`.
    #[must_use]
    pub fn done(mut self, step: ScheduledStep, now: Time) -> Self {
        match step {
            ScheduledStep::Start => self.start_done_at = Some(now),
            ScheduledStep::Ramp(index) => {
                if let Some(step) = self.ramp.get_mut(index) {
                    step.done_at = Some(now);
                }
            }
            ScheduledStep::Stop => self.stop_done_at = Some(now),
        }
        self
    }

    /// Takes over which steps of `previous` are done. A step that changed is not done.
    #[must_use]
    pub(super) fn remembering(mut self, previous: Option<&Self>) -> Self {
        let same = |now: Option<Time>, before: Option<Time>| now.is_some() && now == before;
        self.start_done_at = previous
            .filter(|previous| same(self.start, previous.start))
            .and_then(|previous| previous.start_done_at);
        self.stop_done_at = previous
            .filter(|previous| same(self.stop, previous.stop))
            .and_then(|previous| previous.stop_done_at);
        for step in &mut self.ramp {
            let before = previous.and_then(|previous| previous.step_like(step));
            step.done_at = before.and_then(|before| before.done_at);
        }
        self
    }

    /// The times of steps that `previous` does not have, with their members.
    pub(super) fn added<'s>(
        &'s self,
        previous: Option<&'s Self>,
    ) -> impl Iterator<Item = (String, Time)> + 's {
        let new = move |time: Option<Time>, before: fn(&Self) -> Option<Time>| {
            time.filter(|_| previous.and_then(before) != time)
        };
        let start = new(self.start, |schedule| schedule.start).map(|at| ("start".to_owned(), at));
        let stop = new(self.stop, |schedule| schedule.stop).map(|at| ("stop".to_owned(), at));
        let ramp = self.ramp.iter().enumerate().filter_map(move |(index, step)| {
            let known = previous.is_some_and(|previous| previous.step_like(step).is_some());
            (!known).then(|| (format!("ramp[{index}].at"), step.at))
        });
        start.into_iter().chain(ramp).chain(stop)
    }

    fn step_like(&self, step: &RampStep) -> Option<&RampStep> {
        self.ramp.iter().find(|own| own.at == step.at && own.traffic == step.traffic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(minute: i64) -> Time {
        Time::from_millis(minute * 60_000).unwrap()
    }

    fn schedule() -> Schedule {
        let step = |minute, percent| RampStep {
            at: time(minute),
            traffic: Traffic::from_percent(percent).unwrap(),
            done_at: None,
        };
        Schedule {
            start: Some(time(1)),
            start_done_at: None,
            ramp: vec![step(2, 10.0), step(3, 50.0)],
            stop: Some(time(4)),
            stop_done_at: None,
        }
    }

    #[test]
    fn steps_are_due_in_order_and_only_once() {
        let plan = schedule();
        assert_eq!(plan.due(time(0)), []);
        assert_eq!(plan.due(time(2)), [ScheduledStep::Start, ScheduledStep::Ramp(0)]);
        let plan = plan.done(ScheduledStep::Start, time(2)).done(ScheduledStep::Ramp(0), time(2));
        assert_eq!(plan.due(time(9)), [ScheduledStep::Ramp(1), ScheduledStep::Stop]);
    }

    #[test]
    fn done_steps_stay_done_unless_they_change() {
        let done =
            schedule().done(ScheduledStep::Ramp(0), time(2)).done(ScheduledStep::Start, time(2));
        let mut later = schedule();
        later.start = Some(time(7));
        let merged = later.remembering(Some(&done));
        assert_eq!(merged.start_done_at, None);
        assert_eq!(merged.ramp[0].done_at, Some(time(2)));
        let added: Vec<String> = merged.added(Some(&done)).map(|(member, _)| member).collect();
        assert_eq!(added, ["start"]);
        assert_eq!(schedule().added(None).count(), 4);
    }
}
