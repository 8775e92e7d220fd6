//! The files in which format 1 kept looks and controls next to the database: a line of JSON each.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use abtest_model::{Experiment, Look, Namespace, look};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::contents::{Control, Looks};
use crate::{Expected, Kind, Write};

const LOOKS: &str = "looks.jsonl";
const CONTROLS: &str = "controls.jsonl";

/// A line of a file.
#[derive(Deserialize)]
struct Line<T> {
    namespace: String,
    experiment: String,
    /// `None` once the experiment was deleted: earlier lines belong to a deleted experiment with
    /// the same name.
    entry: Option<T>,
}

/// Reads both files as writes of documents, by namespace.
pub(super) fn read(folder: &Path) -> std::io::Result<BTreeMap<Namespace, Vec<Write>>> {
    let mut writes = BTreeMap::<Namespace, Vec<Write>>::new();
    for ((namespace, experiment), looks) in read_lines::<Look>(&folder.join(LOOKS))? {
        let content = serde_json::to_string(&Looks { looks: look::in_order(looks) })?;
        let write = Write::put(Kind::Looks.of(&experiment), Expected::Any, content);
        writes.entry(namespace).or_default().push(write);
    }
    for ((namespace, experiment), mut controls) in read_lines::<String>(&folder.join(CONTROLS))? {
        let Some(control) = controls.pop() else { continue };
        let content = serde_json::to_string(&Control { control })?;
        let write = Write::put(Kind::Control.of(&experiment), Expected::Any, content);
        writes.entry(namespace).or_default().push(write);
    }
    Ok(writes)
}

/// Renames the files once the database has what they held. They stay in the folder for inspection.
pub(super) fn set_aside(folder: &Path) -> std::io::Result<()> {
    for name in [LOOKS, CONTROLS] {
        match fs::rename(folder.join(name), folder.join(format!("{name}.migrated"))) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

type Entries<T> = BTreeMap<(Namespace, Experiment), Vec<T>>;

fn read_lines<T: DeserializeOwned>(file: &Path) -> std::io::Result<Entries<T>> {
    let mut found = Entries::new();
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        // A power cut may have left a part of a line, which was never acknowledged.
        let Ok(line) = serde_json::from_slice::<Line<T>>(line) else {
            tracing::error!(file = %file.display(), "a line is damaged and was left out");
            continue;
        };
        let names = (Namespace::new(line.namespace), Experiment::new(line.experiment));
        let (Ok(namespace), Ok(experiment)) = names else { continue };
        match line.entry {
            Some(entry) => found.entry((namespace, experiment)).or_default().push(entry),
            None => drop(found.remove(&(namespace, experiment))),
        }
    }
    Ok(found)
}
