//! Looks at experiments: a line of JSON each, in a file beside the counters. Looks are few, and
//! read rarely, so the file is read whole.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use abtest_model::{Experiment, Look, Namespace, look};
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// The file.
pub(super) struct Looks {
    file: PathBuf,
    /// Held while a line is written.
    writing: Mutex<()>,
}

/// A line.
#[derive(Serialize, Deserialize)]
struct Line {
    namespace: String,
    experiment: String,
    /// None once the experiment was deleted: what is above is of another experiment of that name.
    look: Option<Look>,
}

impl Looks {
    pub(super) fn new(folder: &Path) -> Self {
        Self { file: folder.join("looks.jsonl"), writing: Mutex::default() }
    }

    pub(super) fn read(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<Vec<Look>, StoreError> {
        let file = match File::open(&self.file) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(StoreError::Disk(error.to_string())),
        };
        let mut found = Vec::new();
        for line in BufReader::new(file).lines() {
            let line = line.map_err(|error| StoreError::Disk(error.to_string()))?;
            // A power cut may have left a part of one, which was never acknowledged.
            let Ok(line) = serde_json::from_str::<Line>(&line) else { continue };
            if line.namespace != namespace.as_str() || line.experiment != experiment.as_str() {
                continue;
            }
            match line.look {
                Some(look) => found.push(look),
                None => found.clear(),
            }
        }
        Ok(look::in_order(found))
    }

    /// Remembers a look; none forgets all there were.
    pub(super) fn write(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        look: Option<Look>,
    ) -> Result<(), StoreError> {
        let line = Line {
            namespace: namespace.as_str().to_owned(),
            experiment: experiment.as_str().to_owned(),
            look,
        };
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.append(&line).map_err(|error| StoreError::Disk(error.to_string()))
    }

    fn append(&self, line: &Line) -> std::io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.file)?;
        // A line of its own also after a part of one.
        let text = format!("\n{}\n", serde_json::to_string(line)?);
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }
}
