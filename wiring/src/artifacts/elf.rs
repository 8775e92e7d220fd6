//! Whether a program can run on Lambda: its processor, and the C library that it needs.

use abtest_config::Architecture;
use object::elf::{EM_AARCH64, EM_X86_64, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader};
use object::{Endianness, elf};

/// The glibc of the runtime `provided.al2023`. A program must not need a newer one.
pub const GLIBC_OF_RUNTIME: (u32, u32) = (2, 34);

/// Why a program cannot run on Lambda.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// Not a program for 64-bit Linux.
    #[error("it is not a program for 64-bit Linux ({0}); run `abtest build`")]
    NoProgram(String),
    /// Built for another processor.
    #[error(
        "it is built for {found}, but aws.architecture is {asked}; build it for {asked}, or set \
         aws.architecture to {found}"
    )]
    Architecture {
        /// The processor that it is built for.
        found: String,
        /// The processor that is needed.
        asked: &'static str,
    },
    /// Needs a newer C library.
    #[error(
        "it needs glibc {}.{} ({symbol}), but Lambda's provided.al2023 has 2.34; build it with \
         cargo-lambda (`pip install cargo-lambda`), or on a system with an older glibc",
        .needed.0, .needed.1
    )]
    Glibc {
        /// The version that it needs.
        needed: (u32, u32),
        /// The symbol version, as the program names it.
        symbol: String,
    },
}

/// Checks a program.
pub(super) fn check(program: &[u8], architecture: Architecture) -> Result<(), ElfError> {
    let no_program = |error: object::Error| ElfError::NoProgram(error.to_string());
    let header = FileHeader64::<Endianness>::parse(program).map_err(no_program)?;
    let endian = header.endian().map_err(no_program)?;
    let asked = match architecture {
        Architecture::Arm64 => EM_AARCH64,
        Architecture::X86_64 => EM_X86_64,
    };
    let found = header.e_machine(endian);
    if found != asked {
        let found = match found {
            EM_AARCH64 => "arm64".to_owned(),
            EM_X86_64 => "x86_64".to_owned(),
            other => format!("processor {other:?}"),
        };
        return Err(ElfError::Architecture { found, asked: architecture.name() });
    }
    for symbol in needed_versions(header, endian, program).map_err(no_program)? {
        if let Some(needed) = glibc(&symbol).filter(|needed| *needed > GLIBC_OF_RUNTIME) {
            return Err(ElfError::Glibc { needed, symbol });
        }
    }
    Ok(())
}

/// The symbol versions that the program needs from libraries, such as `GLIBC_2.34`. A statically
/// linked program needs none.
fn needed_versions(
    header: &FileHeader64<Endianness>,
    endian: Endianness,
    program: &[u8],
) -> object::Result<Vec<String>> {
    let sections = header.sections(endian, program)?;
    let mut needed = Vec::new();
    for section in sections.iter() {
        if section.sh_type(endian) != elf::SHT_GNU_VERNEED {
            continue;
        }
        let Some((mut libraries, link)) = section.gnu_verneed(endian, program)? else { continue };
        let strings = sections.strings(endian, program, link)?;
        while let Some((_, mut versions)) = libraries.next()? {
            while let Some(version) = versions.next()? {
                let name = version.name(endian, strings)?;
                needed.push(String::from_utf8_lossy(name).into_owned());
            }
        }
    }
    Ok(needed)
}

fn glibc(symbol: &str) -> Option<(u32, u32)> {
    let mut numbers = symbol.strip_prefix("GLIBC_")?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_number_behind_glibc() {
        assert_eq!(glibc("GLIBC_2.2.5"), Some((2, 2)));
        assert_eq!(glibc("GLIBC_2.38"), Some((2, 38)));
        assert_eq!(glibc("GCC_3.0"), None);
    }

    #[test]
    fn a_program_for_another_processor_is_refused() {
        let ours = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let (right, wrong) = if cfg!(target_arch = "aarch64") {
            (Architecture::Arm64, Architecture::X86_64)
        } else {
            (Architecture::X86_64, Architecture::Arm64)
        };
        assert!(matches!(check(&ours, wrong), Err(ElfError::Architecture { .. })));
        // This test itself may need a newer glibc than Lambda has.
        assert!(matches!(check(&ours, right), Ok(()) | Err(ElfError::Glibc { .. })));
        assert!(matches!(check(b"#!/bin/sh\n", right), Err(ElfError::NoProgram(_))));
    }

    #[test]
    fn the_versions_that_a_program_needs_are_those_that_objdump_prints() {
        let path = std::env::current_exe().unwrap();
        let output = std::process::Command::new("objdump").arg("-T").arg(&path).output().unwrap();
        let program = std::fs::read(&path).unwrap();
        let header = FileHeader64::<Endianness>::parse(&*program).unwrap();
        let endian = header.endian().unwrap();
        let needed = needed_versions(header, endian, &program).unwrap();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let newest = |versions: &[String]| versions.iter().filter_map(|one| glibc(one)).max();
        let words = shown.split(|c: char| c.is_whitespace() || c == '(' || c == ')');
        let printed: Vec<String> = words.map(str::to_owned).collect();
        assert!(newest(&needed).is_some());
        assert_eq!(newest(&needed), newest(&printed));
    }
}
