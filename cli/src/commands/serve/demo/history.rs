//! The past days of the demo. Every start uses the same random numbers, so it counts the same. A visitor
//! has one uuid for all events.

use abtest_model::{Day, Event, Experiment, Goal, Namespace, Uuid, Variant};
use abtest_store::embedded::EmbeddedStore;
use anyhow::{Result, bail};
use fastrand::Rng;

use super::experiments::{PLAYED, Played, SECOND_RATE};

/// Records the past days of every experiment, up to yesterday.
pub(in super::super) async fn play(
    store: &EmbeddedStore,
    namespace: &Namespace,
    today: Day,
) -> Result<()> {
    for (seed, played) in (1..).zip(&PLAYED) {
        let mut random = Rng::with_seed(seed);
        for ago in (1..=played.days).rev() {
            let events = day_of(played, namespace, &mut random)?;
            let outcomes = store.record_on(Day(today.0.saturating_sub(ago)), events).await?;
            if let Some(Err(refusal)) = outcomes.into_iter().find(Result::is_err) {
                bail!("the demo cannot be recorded: {refusal}");
            }
        }
    }
    Ok(())
}

/// The events of one day.
fn day_of(played: &Played, namespace: &Namespace, random: &mut Rng) -> Result<Vec<Event>> {
    let experiment = Experiment::new(played.experiment)?;
    // The number of visitors differs from day to day.
    let visitors = (f64::from(played.visitors_per_day) * (0.8 + 0.4 * random.f64())) as u32;
    let mut events = Vec::new();
    for _ in 0..visitors {
        let (variant, rate) = played.variants[random.usize(..played.variants.len())];
        if variant == played.broken && random.f64() < LOST {
            continue;
        }
        let mut goals = vec!["participate"];
        if random.f64() < rate {
            goals.push(played.goal);
        }
        goals.extend(played.second.filter(|_| random.f64() < SECOND_RATE));
        let uuid = Uuid::new(uuid::Uuid::from_u128(random.u128(..)).to_string())?;
        for goal in goals {
            events.push(Event {
                namespace: namespace.clone(),
                experiment: experiment.clone(),
                variant: Variant::new(variant)?,
                goal: Goal::new(goal)?,
                uuid: uuid.clone(),
                allocation: None,
                value: None,
                id: None,
            });
        }
    }
    Ok(events)
}

/// The share of visitors that a broken variant loses.
pub(super) const LOST: f64 = 0.12;
