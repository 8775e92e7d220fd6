//! Building the programs from the checkout.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use abtest_config::Architecture;
use abtest_model::Program;

/// The profile in `Cargo.toml` for programs that are small and start quickly.
const PROFILE: &str = "function";

/// The checkout, and the tools to build it with.
#[derive(Debug, Clone)]
pub struct Source {
    folder: PathBuf,
    /// Whether the tools may show their progress.
    pub verbose: bool,
}

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no checkout.
    #[error(
        "cannot build the functions: {folder} is not a checkout of abtest; run this in the \
         checkout, or set ABTEST_SOURCE to it, or use --artifacts", folder = .folder.display()
    )]
    NoSource {
        /// The folder that was searched.
        folder: PathBuf,
    },
    /// Plain cargo cannot build for this processor.
    #[error(
        "building for {0} on this machine needs cargo-lambda; run `pip install cargo-lambda` and \
         `rustup target add {1}`, or set aws.architecture to this machine's processor"
    )]
    NeedsCargoLambda(&'static str, &'static str),
    /// The tool is missing or failed.
    #[error("`{command}` failed: {problem}")]
    Failed {
        /// The whole command.
        command: String,
        /// What happened.
        problem: String,
    },
}

impl Source {
    /// The checkout in `ABTEST_SOURCE`, otherwise in the current folder.
    pub fn from_environment() -> Self {
        let folder = std::env::var_os("ABTEST_SOURCE").map_or_else(|| ".".into(), PathBuf::from);
        Self { folder, verbose: false }
    }

    /// Whether there is a checkout.
    pub fn exists(&self) -> bool {
        self.folder.join("functions/track/Cargo.toml").exists()
    }

    /// Where the zips go.
    pub(super) fn artifacts(&self, architecture: Architecture) -> PathBuf {
        self.target().join("artifacts").join(architecture.name())
    }

    /// Builds all programs and returns their paths.
    pub(super) fn build(
        &self,
        architecture: Architecture,
    ) -> Result<Vec<(Program, PathBuf)>, BuildError> {
        if !self.exists() {
            let folder = std::path::absolute(&self.folder).unwrap_or_else(|_| self.folder.clone());
            return Err(BuildError::NoSource { folder });
        }
        let tool = Tool::choose(architecture)?;
        self.run(&tool.arguments(architecture))?;
        let target = self.target();
        let path = |program: Program| match tool {
            Tool::CargoLambda => target.join("lambda").join(program.name()).join("bootstrap"),
            Tool::Cargo => target.join(PROFILE).join(program.name()),
        };
        Ok(Program::ALL.map(|program| (program, path(program))).to_vec())
    }

    fn run(&self, arguments: &[String]) -> Result<(), BuildError> {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        // `cargo run` and `cargo test` set variables about their own package. With these, cargo
        // would rebuild ring and everything that depends on it.
        let describes = |name: &str| {
            ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.starts_with(start))
        };
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(describes) {
                command.env_remove(name);
            }
        }
        if !self.verbose {
            command.stderr(Stdio::piped());
        }
        let shown = || format!("cargo {}", arguments.join(" "));
        let failed = |problem| BuildError::Failed { command: shown(), problem };
        let output = command.output().map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            return Ok(());
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = errors.lines().rev().take(20).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        Err(failed(format!("{}\n{}", output.status, last.join("\n"))))
    }

    fn target(&self) -> PathBuf {
        match std::env::var_os("CARGO_TARGET_DIR") {
            Some(target) => self.folder.join(target),
            None => self.folder.join("target"),
        }
    }
}

/// The tool that builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    /// Links against the glibc of Lambda's runtime. Builds for either processor.
    CargoLambda,
    /// Links against this machine's glibc and builds for its own processor. The outcome is checked.
    Cargo,
}

impl Tool {
    fn choose(architecture: Architecture) -> Result<Self, BuildError> {
        if on_path("cargo-lambda") {
            return Ok(Self::CargoLambda);
        }
        let own = match architecture {
            Architecture::Arm64 => cfg!(all(target_arch = "aarch64", target_os = "linux")),
            Architecture::X86_64 => cfg!(all(target_arch = "x86_64", target_os = "linux")),
        };
        if own {
            Ok(Self::Cargo)
        } else {
            Err(BuildError::NeedsCargoLambda(architecture.name(), triple(architecture)))
        }
    }

    fn arguments(self, architecture: Architecture) -> Vec<String> {
        let mut arguments: Vec<String> = match self {
            // Without --skip-target-check it would install parts of a toolchain without asking.
            Self::CargoLambda => {
                let target = format!("{}.2.34", triple(architecture));
                ["lambda", "build", "--skip-target-check", "--target", &target]
                    .map(str::to_owned)
                    .to_vec()
            }
            Self::Cargo => vec!["build".to_owned()],
        };
        arguments.extend(["--profile", PROFILE, "--locked"].map(str::to_owned));
        for program in Program::ALL {
            arguments.extend(["-p".to_owned(), program.name().to_owned()]);
        }
        arguments
    }
}

fn triple(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Arm64 => "aarch64-unknown-linux-gnu",
        Architecture::X86_64 => "x86_64-unknown-linux-gnu",
    }
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder: PathBuf| is_file(&folder.join(program)))
}

fn is_file(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_lambda_builds_for_lambdas_glibc_and_installs_nothing() {
        let arguments = Tool::CargoLambda.arguments(Architecture::Arm64).join(" ");
        assert_eq!(
            arguments,
            "lambda build --skip-target-check --target aarch64-unknown-linux-gnu.2.34 --profile \
             function --locked -p track -p assign -p experiments"
        );
    }

    #[test]
    fn a_folder_without_the_functions_is_no_checkout() {
        let folder = std::env::temp_dir();
        let error = Source { folder, verbose: false }.build(Architecture::X86_64).unwrap_err();
        assert!(error.to_string().contains("ABTEST_SOURCE"), "{error}");
    }
}
