//! What a namespace defines: its experiments, layers and settings. Each version is read once.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use abtest_model::definition::{Document, Seed, Settings};
use abtest_model::{Counting, Experiment, Namespace};
use abtest_store::{DocumentKey, Documents, Expected, Kind, NamespaceSnapshot, StoreError};
use serde::Deserialize;

/// Most namespaces that a process remembers. One more makes it forget one of them.
const MOST_KNOWN: usize = 256;

/// What a namespace defines, at one version.
#[derive(Debug)]
pub(crate) struct NamespaceState {
    /// The namespace's version.
    pub(crate) version: u64,
    /// The defined experiments.
    pub(crate) experiments: BTreeMap<String, Arc<Defined>>,
    /// The layers.
    pub(crate) layers: BTreeMap<String, Arc<StoredLayer>>,
    /// The other documents of experiments: looks, control, baseline, alarm.
    pub(crate) records: HashMap<DocumentKey, abtest_store::Document>,
    /// The settings; those of a namespace without any if there are none.
    pub(crate) settings: Result<Settings, StoreError>,
    /// What a write of the settings must replace.
    pub(crate) settings_expected: Expected,
    /// What clients may read of all this, once it was asked for.
    #[cfg(feature = "assign")]
    pub(crate) view: OnceLock<Arc<crate::public::view::View>>,
}

/// The stored definition of an experiment.
#[derive(Debug)]
pub(crate) struct Defined {
    /// The version of the stored document.
    pub(crate) version: u64,
    /// The document, unless this version of abtest cannot read it.
    pub(crate) document: Result<Box<Document>, StoreError>,
    published_bytes: OnceLock<usize>,
    /// The experiment as it is evaluated, once it was asked for.
    #[cfg(feature = "assign")]
    pub(crate) prepared: OnceLock<crate::public::view::Prepared>,
}

/// A stored layer.
#[derive(Debug)]
pub(crate) struct StoredLayer {
    /// The version of the stored document.
    pub(crate) version: u64,
    /// The seed of its ring, unless this version cannot read it.
    pub(crate) head: Result<LayerHead, StoreError>,
    /// All of it, with the slots; empty if it is damaged.
    pub(crate) content: Arc<str>,
}

/// What evaluations need of a layer.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LayerHead {
    /// The seed of its ring.
    pub(crate) id: Seed,
}

impl NamespaceState {
    /// Reads a snapshot. What `known` has at the same version is not read again.
    fn new(snapshot: NamespaceSnapshot, known: Option<&Self>) -> Self {
        let mut state = Self {
            version: snapshot.version,
            experiments: BTreeMap::new(),
            layers: BTreeMap::new(),
            records: HashMap::new(),
            settings: Ok(Settings::default()),
            settings_expected: Expected::Absent,
            #[cfg(feature = "assign")]
            view: OnceLock::new(),
        };
        for document in snapshot.documents {
            let (version, name) = (document.version, document.key.name.clone());
            match document.key.kind {
                Kind::Definition => {
                    let same = known.and_then(|known| known.experiments.get(&name));
                    let same = same.filter(|same| same.version == version).cloned();
                    let defined = same.unwrap_or_else(|| {
                        Arc::new(Defined {
                            version,
                            document: document.parse().map(Box::new),
                            published_bytes: OnceLock::new(),
                            #[cfg(feature = "assign")]
                            prepared: OnceLock::new(),
                        })
                    });
                    state.experiments.insert(name, defined);
                }
                Kind::Layer => {
                    let same = known.and_then(|known| known.layers.get(&name));
                    let same = same.filter(|same| same.version == version).cloned();
                    let layer = same.unwrap_or_else(|| {
                        let head = document.parse();
                        let content = document.content().map(Arc::clone).unwrap_or_default();
                        Arc::new(StoredLayer { version, head, content })
                    });
                    state.layers.insert(name, layer);
                }
                Kind::Settings => {
                    state.settings = document.parse();
                    state.settings_expected = Expected::Version(version);
                }
                Kind::Looks | Kind::Control | Kind::Baseline | Kind::Alarm => {
                    state.records.insert(document.key.clone(), document);
                }
            }
        }
        state
    }

    /// The definition of an experiment that can be read.
    pub(crate) fn definition(&self, experiment: &str) -> Option<&Document> {
        self.experiments.get(experiment)?.document.as_ref().ok().map(|document| &**document)
    }

    /// Every definition that can be read, with its experiment.
    pub(crate) fn definitions(&self) -> impl Iterator<Item = (&str, &Document)> {
        let names = self.experiments.keys();
        names.filter_map(|name| Some((name.as_str(), self.definition(name)?)))
    }

    /// The seed of the ring of an experiment that is in a layer. `None` without a layer, and if the layer
    /// cannot be read.
    pub(crate) fn ring_of(&self, document: &Document) -> Option<&Seed> {
        self.layer_id(document.definition.layer.as_ref()?.as_str())
    }

    /// How experiments are counted whose definitions say it.
    pub(crate) fn counting(&self) -> HashMap<Experiment, Counting> {
        let choice = |(name, document): (&str, &Document)| {
            Some((Experiment::new(name).ok()?, document.definition.counting?))
        };
        self.definitions().filter_map(choice).collect()
    }

    /// The seed of a layer's ring.
    pub(crate) fn layer_id(&self, layer: &str) -> Option<&Seed> {
        self.layers.get(layer)?.head.as_ref().ok().map(|head| &head.id)
    }
}

impl Defined {
    /// Bytes that the experiment takes in the published document, give or take the length of the
    /// layer's id.
    pub(crate) fn published_bytes(&self, name: &str) -> usize {
        *self.published_bytes.get_or_init(|| {
            let document = self.document.as_ref().ok();
            document.map_or(0, |document| published_bytes(name, document))
        })
    }
}

/// Bytes that an experiment takes in the published document, give or take the length of the
/// layer's id.
pub(crate) fn published_bytes(name: &str, document: &Document) -> usize {
    let published = document.publish(name, None);
    published.map_or(0, |published| serde_json::to_vec(&published).map_or(0, |json| json.len()))
}

/// The namespaces that this process has read.
#[derive(Debug, Default)]
pub(crate) struct Namespaces {
    known: Mutex<HashMap<Namespace, Arc<NamespaceState>>>,
}

impl Namespaces {
    /// What the namespace defines now: one round trip, which brings only what changed.
    pub(crate) async fn read(
        &self,
        store: &impl Documents,
        namespace: &Namespace,
    ) -> Result<Arc<NamespaceState>, StoreError> {
        let known = self.known(namespace);
        let version = known.as_ref().map(|known| known.version);
        let snapshot = store.snapshot(namespace, version).await?;
        self.take(namespace, snapshot, known)
    }

    /// The same without the documents that belong to counts.
    pub(crate) async fn read_definitions(
        &self,
        store: &impl Documents,
        namespace: &Namespace,
    ) -> Result<Arc<NamespaceState>, StoreError> {
        let known = self.known(namespace);
        let version = known.as_ref().map(|known| known.version);
        let snapshot = store.definitions(namespace, version).await?;
        self.take(namespace, snapshot, known)
    }

    fn take(
        &self,
        namespace: &Namespace,
        snapshot: Option<NamespaceSnapshot>,
        known: Option<Arc<NamespaceState>>,
    ) -> Result<Arc<NamespaceState>, StoreError> {
        match (snapshot, known) {
            (None, Some(known)) => Ok(known),
            (None, None) => Err(StoreError::Unexpected("no snapshot of a namespace".to_owned())),
            (Some(snapshot), known) => {
                let state = Arc::new(NamespaceState::new(snapshot, known.as_deref()));
                self.remember(namespace, &state);
                Ok(state)
            }
        }
    }

    fn known(&self, namespace: &Namespace) -> Option<Arc<NamespaceState>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(namespace).cloned()
    }

    /// Remembers a namespace. One that never had documents is not worth it: strangers can make names up,
    /// and reading it again costs as much.
    fn remember(&self, namespace: &Namespace, state: &Arc<NamespaceState>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if state.version == 0 {
            known.remove(namespace);
            return;
        }
        if known.len() >= MOST_KNOWN
            && !known.contains_key(namespace)
            && let Some(one) = known.keys().next().cloned()
        {
            known.remove(&one);
        }
        known.insert(namespace.clone(), Arc::clone(state));
    }
}
