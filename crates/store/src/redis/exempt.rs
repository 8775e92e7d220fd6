//! Finds out which refused events an operator expects. Only refused events ask for it, so a batch of
//! known names stays one round trip.

use std::collections::HashMap;

use abtest_model::{Event, Experiment, Namespace};

use super::{Server, documents};
use crate::new_names::Exemption;
use crate::{Document, Kind, StoreError};

impl Server {
    /// The exemption of each event, in one round trip.
    pub(super) async fn exemptions(&self, events: &[&Event]) -> Result<Vec<Exemption>, StoreError> {
        let mut wanted: Vec<(&Namespace, &Experiment)> =
            events.iter().map(|event| (&event.namespace, &event.experiment)).collect();
        wanted.sort();
        wanted.dedup();
        let keys: Vec<_> = wanted
            .iter()
            .map(|(namespace, experiment)| (*namespace, Kind::Definition.of(experiment)))
            .chain(wanted.iter().map(|(namespace, _)| (*namespace, crate::DocumentKey::settings())))
            .collect();
        let found = documents::read(&self.connection, &keys).await?;
        let (definitions, settings) = found.split_at(wanted.len());
        let by_experiment: HashMap<_, (&Option<Document>, bool)> = wanted
            .iter()
            .zip(definitions.iter().zip(settings))
            .map(|(names, (definition, settings))| (*names, (definition, settings.is_some())))
            .collect();
        let exemption =
            |event: &&Event| match by_experiment.get(&(&event.namespace, &event.experiment)) {
                Some((definition, has_settings)) => {
                    Exemption::of(event, definition.as_ref(), *has_settings)
                }
                None => Exemption::Nothing,
            };
        Ok(events.iter().map(exemption).collect())
    }
}
