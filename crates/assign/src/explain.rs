//! The answer for a unit in words: each step, its buckets, and what would have to change.

use abtest_model::definition::{Range, Status};
use serde::{Deserialize, Serialize};

use crate::evaluate::{Answer, Context, Evaluated, Reason};

/// Why a unit gets what it gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// The experiment.
    pub experiment: String,
    /// The variant that the unit gets. Nothing stands for the caller's default.
    pub variant: Option<String>,
    /// Why.
    pub reason: Reason,
    /// Whether showing it is an exposure.
    pub exposure: bool,
    /// The steps that were taken, in order. The last one decided.
    pub steps: Vec<Step>,
    /// What would have to change for the unit to take part. Nothing if it does.
    pub to_include: Option<String>,
}

/// One step of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Step {
    /// What the step looks at.
    pub step: StepName,
    /// What it found, as a sentence.
    pub finding: String,
    /// The unit's bucket, 0 to 9,999, where the step uses one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub bucket: Option<u16>,
    /// Whether the step decided the answer.
    pub decides: bool,
}

/// What a step looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// The unit itself.
    Unit,
    /// Whether the experiment is published and understood.
    Published,
    /// Units assigned by hand.
    Overrides,
    /// The status.
    Status,
    /// Whether a program asks.
    Bot,
    /// The condition on attributes.
    Targeting,
    /// The slots.
    Traffic,
    /// What the client remembers.
    Memory,
    /// The ranges of the variants.
    Split,
}

impl StepName {
    /// The name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Published => "published",
            Self::Overrides => "overrides",
            Self::Status => "status",
            Self::Bot => "bot",
            Self::Targeting => "targeting",
            Self::Traffic => "traffic",
            Self::Memory => "memory",
            Self::Split => "split",
        }
    }
}

impl Evaluated {
    /// The same answer as [`evaluate`](Self::evaluate), with each step in words.
    #[must_use]
    pub fn explain(&self, context: &Context<'_>) -> Explanation {
        // The published document does not have such a draft, so clients do not know it.
        let is_unpublished = self.status() == Status::Draft && !self.has_overrides();
        let answer = match context.unit {
            Some(_) if is_unpublished => Answer::default_for(Reason::Unknown),
            _ => self.evaluate(context),
        };
        let mut steps = self.steps(context);
        if let Some(last) = steps.last_mut() {
            last.decides = true;
        }
        Explanation {
            experiment: self.name().to_owned(),
            variant: answer.variant.map(|variant| variant.name.to_string()),
            reason: answer.reason,
            exposure: answer.exposure(),
            steps,
            to_include: self.to_include(answer.reason),
        }
    }

    fn steps(&self, context: &Context<'_>) -> Vec<Step> {
        let step = |step, finding: String| Step { step, finding, bucket: None, decides: false };
        let fallback = self.fallback_name();
        let Some(unit) = context.unit else {
            let finding =
                "There is no unit, or it is not 1 to 200 bytes without control characters.";
            return vec![step(StepName::Unit, finding.to_owned())];
        };
        let mut steps = vec![step(StepName::Unit, format!("The unit is {unit}."))];
        if !self.is_supported() || self.status() == Status::Archived {
            let finding = match self.is_supported() {
                true => "The experiment is archived, so it is not published.",
                false => "The experiment needs an ability that this version does not have.",
            };
            steps.push(step(StepName::Published, finding.to_owned()));
            return steps;
        }
        if self.status() == Status::Draft && !self.has_overrides() {
            let finding = "The experiment is a draft without overrides, so it is not published.";
            steps.push(step(StepName::Published, finding.to_owned()));
            return steps;
        }
        if let Some(variant) = self.overriding(unit) {
            let variant = self.variant_name(variant);
            steps.push(step(
                StepName::Overrides,
                format!("The unit is assigned to {variant} by hand."),
            ));
            return steps;
        }
        steps.push(step(
            StepName::Overrides,
            match self.status() {
                Status::Completed => {
                    "The experiment is completed, so overrides do not apply.".to_owned()
                }
                _ => "The unit is not assigned by hand.".to_owned(),
            },
        ));
        let disabled = matches!(self.status(), Status::Draft | Status::Paused);
        steps.push(step(
            StepName::Status,
            match disabled {
                true => format!(
                    "The experiment is {}, so the unit gets the fallback {fallback}.",
                    self.status()
                ),
                false => format!("The experiment is {}.", self.status()),
            },
        ));
        if disabled {
            return steps;
        }
        if context.attributes.get("bot") == Some(&serde_json::Value::Bool(true)) {
            let finding =
                format!("The attribute bot is true, so the unit gets the fallback {fallback}.");
            steps.push(step(StepName::Bot, finding));
            return steps;
        }
        steps.push(step(StepName::Bot, "The unit is not marked as a bot.".to_owned()));
        let targeted = self.targets(context);
        steps.push(step(StepName::Targeting, match (self.has_targeting(), targeted) {
            (false, _) => "The experiment has no targeting; all units match.".to_owned(),
            (true, true) => "The attributes match the targeting.".to_owned(),
            (true, false) => {
                format!("The attributes do not match the targeting, so the unit gets the fallback {fallback}.")
            }
        }));
        if !targeted {
            return steps;
        }
        if self.status() == Status::Completed {
            let finding = "The experiment is completed, so every targeted unit gets the winner.";
            steps.push(step(StepName::Status, finding.to_owned()));
            return steps;
        }
        let bucket = self.ring_bucket(unit);
        let inside = self.slots().iter().any(|range| range.contains(bucket));
        let slots = listed(self.slots().iter().copied());
        let finding = match inside {
            true => format!(
                "Bucket {bucket} is in the slots {slots}, so the unit is part of the traffic."
            ),
            false => format!(
                "Bucket {bucket} is not in the slots {slots}, so the unit gets the fallback {fallback}."
            ),
        };
        steps.push(Step { bucket: Some(bucket), ..step(StepName::Traffic, finding) });
        if !inside {
            return steps;
        }
        if let Some((variant, allocation)) = self.remembered(context) {
            let variant = self.variant_name(variant);
            let finding = format!(
                "The client remembers {variant} of allocation {allocation}, so the unit stays there."
            );
            steps.push(step(StepName::Memory, finding));
            return steps;
        }
        let bucket = self.split_bucket(unit);
        let finding = match self.variant_at(bucket) {
            Some(variant) => {
                let own = self.ranges().iter().filter(|(_, other)| *other == variant);
                let ranges = listed(own.map(|(range, _)| *range));
                let variant = self.variant_name(variant);
                format!("Bucket {bucket} is in the ranges {ranges} of {variant}.")
            }
            None => format!(
                "Bucket {bucket} belongs to no variant, so the unit gets the fallback {fallback}."
            ),
        };
        steps.push(Step { bucket: Some(bucket), ..step(StepName::Split, finding) });
        steps
    }

    fn to_include(&self, reason: Reason) -> Option<String> {
        let change = match reason {
            Reason::Split => return None,
            Reason::NoUnit => {
                "Send a unit of 1 to 200 bytes of UTF-8 without control characters.".to_owned()
            }
            Reason::Unknown if self.status() == Status::Archived => {
                let has_run = !self.ranges().is_empty();
                if has_run {
                    "The experiment has ended. Create a new one to split units again.".to_owned()
                } else {
                    "Restore the experiment from the archive, and start it.".to_owned()
                }
            }
            Reason::Unknown if self.status() == Status::Draft => "Start the experiment.".to_owned(),
            Reason::Unknown => {
                "Update this program, or remove the ability that the experiment requires."
                    .to_owned()
            }
            Reason::Override => "Remove the unit from the overrides.".to_owned(),
            Reason::Disabled if self.status() == Status::Draft => {
                "Start the experiment.".to_owned()
            }
            Reason::Disabled => "Resume the experiment.".to_owned(),
            Reason::Bot => "Send the request without the attribute bot.".to_owned(),
            Reason::Targeting => {
                "Send attributes that match the targeting, or change the targeting.".to_owned()
            }
            Reason::Winner => {
                "The experiment is completed. Create a new one to split units again.".to_owned()
            }
            Reason::Traffic => format!(
                "Raise the traffic, now {}%, until the experiment holds the unit's slot. At 100% every unit takes part.",
                self.traffic() * 100.0
            ),
            Reason::Forced => "Remove the forced variant.".to_owned(),
        };
        Some(change)
    }
}

/// Ranges for a sentence, with their last bucket: "0–999 and 2000–2499".
fn listed(ranges: impl Iterator<Item = Range>) -> String {
    let texts: Vec<String> =
        ranges.map(|range| format!("{}–{}", range.from(), range.to() - 1)).collect();
    match texts.split_last() {
        None => "(none)".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}
