//! The functions' artifacts: one zip per program, with the file `bootstrap` in it.
//!
//! They are taken from a given folder, otherwise from the folder of the executable, otherwise
//! they are built from the checkout.

mod build;
mod elf;
mod pack;

pub use build::{BuildError, Source};
pub use elf::{ElfError, GLIBC_OF_RUNTIME};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use abtest_config::Architecture;
use abtest_model::Program;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The artifacts of all programs, for one processor.
#[derive(Debug, Clone)]
pub struct Artifacts {
    programs: BTreeMap<Program, Artifact>,
    /// The folder that they come from.
    pub origin: String,
}

/// A program's zip.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The zip.
    pub zip: Arc<[u8]>,
    /// Its SHA-256 in Base64, as Lambda reports it.
    pub digest: String,
}

/// Why there are no artifacts to deploy.
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
    /// A zip does not contain a function.
    #[error("{path} does not contain a function: {problem}; run `abtest build`", path = .path.display())]
    Zip {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A program cannot run on Lambda.
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
    /// Finds the artifacts: in `folder` if one is given, otherwise next to the executable, otherwise
    /// by building `source`.
    ///
    /// # Errors
    /// When there are none, or they are for another processor.
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

    /// Reads the zip of each program from a folder and checks what is in it.
    ///
    /// # Errors
    /// When one is missing, or is for another processor.
    pub fn read(folder: &Path, architecture: Architecture) -> Result<Self, ArtifactError> {
        let read = |program: Program| -> Result<Artifact, ArtifactError> {
            let path = folder.join(format!("{}.zip", program.name()));
            let zip = std::fs::read(&path).map_err(|error| ArtifactError::File {
                path: path.clone(),
                error,
                help: "run `abtest build`",
            })?;
            let bootstrap = pack::unpack(&zip)
                .map_err(|problem| ArtifactError::Zip { path: path.clone(), problem })?;
            elf::check(&bootstrap, architecture)
                .map_err(|error| ArtifactError::Elf { path, error })?;
            Ok(Artifact::new(zip))
        };
        let programs = Program::ALL.into_iter().map(|program| Ok((program, read(program)?)));
        let programs = programs.collect::<Result<_, ArtifactError>>()?;
        Ok(Self { programs, origin: folder.display().to_string() })
    }

    /// Builds all programs, packs them into `target/artifacts`, and reads them back.
    ///
    /// # Errors
    /// When they cannot be built, or cannot run on Lambda.
    pub fn build(source: &Source, architecture: Architecture) -> Result<Self, ArtifactError> {
        let folder = source.artifacts(architecture);
        let programs = source.build(architecture)?;
        std::fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, error))?;
        for (program, path) in programs {
            let bootstrap = std::fs::read(&path).map_err(|error| ArtifactError::File {
                path: path.clone(),
                error,
                help: "the build did not create it; run `abtest build` and read its output",
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

    /// A program's artifact.
    pub fn of(&self, program: Program) -> Option<&Artifact> {
        self.programs.get(&program)
    }

    /// Each program with its artifact.
    pub fn all(&self) -> impl Iterator<Item = (Program, &Artifact)> {
        self.programs.iter().map(|(program, artifact)| (*program, artifact))
    }
}

impl Artifact {
    fn new(zip: Vec<u8>) -> Self {
        let digest = STANDARD.encode(Sha256::digest(&zip));
        Self { zip: zip.into(), digest }
    }
}

fn unwritable(path: &Path, error: std::io::Error) -> ArtifactError {
    let help = "make the folder writable";
    ArtifactError::File { path: path.to_owned(), error, help }
}
