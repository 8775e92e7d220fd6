//! The functions' artefacts: a zip for each program, with the one file `bootstrap` in it.
//!
//! They are taken from a folder that is named, else from beside the executable, else they are
//! built from the checkout.

mod build;
mod elf;
mod pack;

pub use build::{BuildError, Source};
pub use elf::{ElfError, GLIBC_OF_RUNTIME};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use abtest_model::Program;
use abtest_model::config::Architecture;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Both programs, for one processor.
#[derive(Debug, Clone)]
pub struct Artifacts {
    track: Artifact,
    experiments: Artifact,
    /// Where they come from, for people.
    pub origin: String,
}

/// A program's zip.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The zip.
    pub zip: Arc<[u8]>,
    /// Its SHA-256 in Base64, as Lambda tells it.
    pub digest: String,
}

/// Why there are no artefacts that could be deployed.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// A file cannot be read or written.
    #[error("{path}: {error}; {help}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: std::io::Error,
        /// What to do.
        help: &'static str,
    },
    /// A zip does not hold a function.
    #[error("{path} is no function's zip: {problem}; make it with `abtest build`", path = .path.display())]
    Zip {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A program cannot run where it is to run.
    #[error("{path}: {error}", path = .path.display())]
    Elf {
        /// The file.
        path: PathBuf,
        /// Why.
        error: ElfError,
    },
    /// They could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
}

impl Artifacts {
    /// Finds the artefacts: in `folder` if one is given, else beside the executable, else by
    /// building `source`.
    ///
    /// # Errors
    /// When there are none, or they are not for this processor.
    pub fn find(
        folder: Option<&Path>,
        source: &Source,
        architecture: Architecture,
    ) -> Result<Self, ArtifactError> {
        if let Some(folder) = folder {
            return Self::read(folder, architecture);
        }
        let beside = std::env::current_exe().ok().and_then(|exe| {
            let folder = exe.parent()?.join("artifacts").join(architecture.name());
            folder.exists().then_some(folder)
        });
        match beside {
            Some(folder) => Self::read(&folder, architecture),
            None => Self::build(source, architecture),
        }
    }

    /// Reads `track.zip` and `experiments.zip` from a folder and checks what is in them.
    ///
    /// # Errors
    /// When one is missing, or is not for this processor.
    pub fn read(folder: &Path, architecture: Architecture) -> Result<Self, ArtifactError> {
        let read = |program: Program| -> Result<Artifact, ArtifactError> {
            let path = folder.join(format!("{}.zip", program.name()));
            let zip = std::fs::read(&path).map_err(|error| ArtifactError::File {
                path: path.clone(),
                error,
                help: "make the artefacts with `abtest build`",
            })?;
            let bootstrap = pack::unpack(&zip)
                .map_err(|problem| ArtifactError::Zip { path: path.clone(), problem })?;
            elf::check(&bootstrap, architecture)
                .map_err(|error| ArtifactError::Elf { path, error })?;
            Ok(Artifact::new(zip))
        };
        Ok(Self {
            track: read(Program::Track)?,
            experiments: read(Program::Experiments)?,
            origin: folder.display().to_string(),
        })
    }

    /// Builds both programs, packs them into `target/artifacts`, and reads them back.
    ///
    /// # Errors
    /// When they cannot be built, or could not run there.
    pub fn build(source: &Source, architecture: Architecture) -> Result<Self, ArtifactError> {
        let folder = source.artifacts(architecture);
        let programs = source.build(architecture)?;
        std::fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, error))?;
        for (program, path) in programs {
            let bootstrap = std::fs::read(&path).map_err(|error| ArtifactError::File {
                path: path.clone(),
                error,
                help: "the build did not leave it there",
            })?;
            elf::check(&bootstrap, architecture)
                .map_err(|error| ArtifactError::Elf { path: path.clone(), error })?;
            let zip = pack::pack(&bootstrap)
                .map_err(|problem| ArtifactError::Zip { path: path.clone(), problem })?;
            let path = folder.join(format!("{}.zip", program.name()));
            std::fs::write(&path, zip).map_err(|error| unwritable(&path, error))?;
        }
        Self::read(&folder, architecture)
    }

    /// A program's artefact.
    pub fn of(&self, program: Program) -> &Artifact {
        match program {
            Program::Track => &self.track,
            Program::Experiments => &self.experiments,
        }
    }
}

impl Artifact {
    fn new(zip: Vec<u8>) -> Self {
        let digest = STANDARD.encode(Sha256::digest(&zip));
        Self { zip: zip.into(), digest }
    }
}

fn unwritable(path: &Path, error: std::io::Error) -> ArtifactError {
    ArtifactError::File { path: path.to_owned(), error, help: "it must be writable" }
}
