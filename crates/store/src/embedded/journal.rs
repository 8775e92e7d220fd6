//! What is kept with experiments beside their counters (looks, controls): a line of JSON each, in a
//! file of its own. Such things are few and rarely written, so the file is read whole.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::marker::PhantomData;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use abtest_model::{Experiment, Namespace};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// A file of entries.
pub(super) struct Journal<T> {
    file: PathBuf,
    /// Held while a line is written.
    writing: Mutex<()>,
    entries: PhantomData<fn() -> T>,
}

/// A line.
#[derive(Serialize, Deserialize)]
struct Line<T> {
    namespace: String,
    experiment: String,
    /// None once the experiment was deleted: what is above is of another experiment of that name.
    entry: Option<T>,
}

impl<T: Serialize + DeserializeOwned> Journal<T> {
    pub(super) fn new(folder: &Path, name: &str) -> Self {
        Self { file: folder.join(name), writing: Mutex::default(), entries: PhantomData }
    }

    /// The entries of an experiment, in the order in which they were written.
    pub(super) fn read(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<Vec<T>, StoreError> {
        let mut all = self.read_all(namespace, |name| name == experiment.as_str())?;
        Ok(all.remove(experiment.as_str()).unwrap_or_default())
    }

    /// The entries of the experiments whose names are wanted.
    pub(super) fn read_all(
        &self,
        namespace: &Namespace,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<HashMap<String, Vec<T>>, StoreError> {
        let mut found: HashMap<String, Vec<T>> = HashMap::new();
        let file = match File::open(&self.file) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
            Err(error) => return Err(StoreError::Disk(error.to_string())),
        };
        for line in BufReader::new(file).lines() {
            let line = line.map_err(|error| StoreError::Disk(error.to_string()))?;
            // A power cut may have left a part of one, which was never acknowledged.
            let Ok(line) = serde_json::from_str::<Line<T>>(&line) else { continue };
            if line.namespace != namespace.as_str() || !is_wanted(&line.experiment) {
                continue;
            }
            match line.entry {
                Some(entry) => found.entry(line.experiment).or_default().push(entry),
                None => drop(found.remove(&line.experiment)),
            }
        }
        Ok(found)
    }

    /// Adds an entry, durably.
    pub(super) fn write(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        entry: T,
    ) -> Result<(), StoreError> {
        self.append(namespace, experiment, Some(entry))
    }

    /// Forgets all entries of an experiment, if it has some.
    pub(super) fn forget(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<(), StoreError> {
        if self.read(namespace, experiment)?.is_empty() {
            return Ok(());
        }
        self.append(namespace, experiment, None)
    }

    fn append(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        entry: Option<T>,
    ) -> Result<(), StoreError> {
        let line = Line {
            namespace: namespace.as_str().to_owned(),
            experiment: experiment.as_str().to_owned(),
            entry,
        };
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let write = || -> std::io::Result<()> {
            let mut file =
                OpenOptions::new().append(true).create(true).mode(0o600).open(&self.file)?;
            // A line of its own also after a part of one.
            let text = format!("\n{}\n", serde_json::to_string(&line)?);
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|error| StoreError::Disk(error.to_string()))
    }
}
