//! What clients may read of a namespace at one version, prepared for many evaluations.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use abtest_assign::bucket::goal_bucket;
use abtest_assign::{Answer, BrokenExperiment, Context, Evaluated, Reason};
use abtest_model::Namespace;
use abtest_model::definition::published::FORMAT;
use abtest_model::definition::{Document, PublishedExperiment, Seed, UnitHash};
use abtest_store::StoreError;
use bytes::Bytes;
use http::HeaderValue;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::namespace::{Defined, NamespaceState};

/// What clients may read of a namespace.
#[derive(Debug)]
pub(crate) struct View {
    /// The namespace's version.
    pub(crate) version: u64,
    /// How units become buckets.
    pub(crate) hash: UnitHash,
    /// The experiments that clients can evaluate, `server_only` ones included.
    pub(crate) experiments: BTreeMap<Box<str>, Arc<Experiment>>,
    /// The published document.
    pub(crate) document: Tagged,
    /// The features for GrowthBook's SDKs, once they were asked for.
    pub(super) features: OnceLock<Tagged>,
}

/// An answer's body with its entity tag.
#[derive(Debug, Clone)]
pub(crate) struct Tagged {
    /// The body.
    pub(crate) body: Bytes,
    /// A strong tag: another body has another tag.
    pub(crate) tag: HeaderValue,
}

/// A published experiment.
#[derive(Debug)]
pub(crate) struct Experiment {
    /// The experiment, ready for evaluations.
    pub(crate) evaluated: Evaluated,
    /// Whether documents that browsers can read leave it out.
    pub(crate) server_only: bool,
    /// Whether there is a condition on attributes.
    pub(crate) targeted: bool,
    /// Whether a payload is a number with a fraction. Then all payloads are sent as such.
    pub(crate) fractions: bool,
    /// As JSON of a [`PublishedExperiment`].
    pub(crate) json: Box<str>,
}

/// What an experiment became the last time it was prepared.
#[derive(Debug)]
pub(crate) struct Prepared {
    ring: Option<Seed>,
    hash: UnitHash,
    outcome: Outcome,
}

/// An experiment, or nothing if it is not published, or why it cannot be evaluated.
pub(crate) type Outcome = Result<Option<Arc<Experiment>>, BrokenExperiment>;

impl View {
    /// What clients may read of a namespace in this state. A document that cannot be evaluated is
    /// left out, and the log says why.
    ///
    /// # Errors
    /// When the settings cannot be read: they say how units become buckets.
    pub(crate) fn of(
        state: &NamespaceState,
        namespace: &Namespace,
    ) -> Result<Arc<Self>, StoreError> {
        let settings = state.settings.as_ref().map_err(Clone::clone)?;
        let view = state.view.get_or_init(|| Arc::new(Self::new(state, namespace, settings.hash)));
        Ok(Arc::clone(view))
    }

    /// The answer for a unit in one experiment.
    pub(crate) fn evaluate(&self, experiment: &str, context: &Context<'_>) -> Answer<'_> {
        match (self.experiments.get(experiment), context.unit) {
            (Some(experiment), _) => experiment.evaluated.evaluate(context),
            (None, Some(_)) => Answer::default_for(Reason::Unknown),
            (None, None) => Answer::default_for(Reason::NoUnit),
        }
    }

    fn new(state: &NamespaceState, namespace: &Namespace, hash: UnitHash) -> Self {
        let experiments: BTreeMap<Box<str>, Arc<Experiment>> = state
            .experiments
            .iter()
            .filter_map(|(name, defined)| {
                let experiment = prepared(state, name, defined, hash).ok().flatten()?;
                Some((name.as_str().into(), experiment))
            })
            .collect();
        let published = experiments.values().filter(|experiment| !experiment.server_only);
        let document = document(namespace, state.version, hash, published.map(|one| &*one.json));
        let (version, document) = (state.version, Tagged::new(document));
        Self { version, hash, experiments, document, features: OnceLock::new() }
    }
}

impl Tagged {
    pub(crate) fn new(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let tag = tag_of(&[&body]);
        Self { body, tag }
    }
}

/// The entity tag of what is made from these parts.
pub(crate) fn tag_of(parts: &[&[u8]]) -> HeaderValue {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let digits: String =
        digest.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("\"{digits}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Prepares an experiment once per version of its document.
pub(crate) fn prepared(
    state: &NamespaceState,
    name: &str,
    defined: &Defined,
    hash: UnitHash,
) -> Outcome {
    let broken = |reason: String| BrokenExperiment { experiment: name.to_owned(), reason };
    let document = defined.document.as_deref();
    let ring = document.ok().and_then(|document| state.ring_of(document));
    let prepare = || {
        let outcome = match document {
            Err(error) => Err(broken(error.to_string())),
            Ok(document) => match (&document.definition.layer, ring) {
                (Some(layer), None) => Err(broken(format!("its layer {layer} cannot be read"))),
                _ => Experiment::new(name, document, ring, hash),
            },
        };
        if let Err(error) = &outcome {
            tracing::warn!(%error, "a definition is left out");
        }
        Prepared { ring: ring.cloned(), hash, outcome }
    };
    let known = defined.prepared.get_or_init(prepare);
    if known.ring.as_ref() == ring && known.hash == hash {
        return known.outcome.clone();
    }
    // The hash changed before the first start, or the layer was created again.
    prepare().outcome
}

impl Experiment {
    fn new(name: &str, document: &Document, ring: Option<&Seed>, hash: UnitHash) -> Outcome {
        let Some(mut published) = document.publish(name, ring) else { return Ok(None) };
        let definition = &document.definition;
        published.goals =
            definition.goals.iter().map(|goal| goal_bucket(&definition.id, &goal.name)).collect();
        let broken = |reason: String| BrokenExperiment { experiment: name.to_owned(), reason };
        let json = serde_json::to_string(&published).map_err(|error| broken(error.to_string()))?;
        let targeted = published.targeting.is_some();
        let payloads = published.variants.iter().filter_map(|variant| variant.payload.as_ref());
        let fractions = payloads.into_iter().any(Value::is_f64);
        let evaluated = Evaluated::new(published, hash)?;
        let server_only = document.definition.server_only;
        let json = json.into();
        Ok(Some(Arc::new(Self { evaluated, server_only, targeted, fractions, json })))
    }
}

/// The published document. It is what [`Published`](abtest_model::definition::Published) would be
/// as JSON, from experiments that are JSON already.
fn document<'a>(
    namespace: &Namespace,
    version: u64,
    hash: UnitHash,
    experiments: impl Iterator<Item = &'a str>,
) -> String {
    #[derive(Serialize)]
    struct Head<'a> {
        format: u32,
        namespace: &'a str,
        version: u64,
        hash: UnitHash,
        experiments: [PublishedExperiment; 0],
    }
    let head =
        Head { format: FORMAT, namespace: namespace.as_str(), version, hash, experiments: [] };
    let mut document = serde_json::to_string(&head).unwrap_or_default();
    // Without the end of the empty array and of the object.
    document.truncate(document.len().saturating_sub("]}".len()));
    for (index, experiment) in experiments.enumerate() {
        if index > 0 {
            document.push(',');
        }
        document.push_str(experiment);
    }
    document.push_str("]}");
    document
}
