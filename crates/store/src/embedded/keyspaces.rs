//! Checks the files of the key-value store's tables without opening them.
//!
//! A folder `keyspaces/N` holds what fjall's lsm-tree 3 keeps of keyspace N:
//!
//! | file | holds |
//! |---|---|
//! | `current` | number of the manifest (8 bytes, little-endian), its XXH3-128 (16), `0` |
//! | `vNUMBER` | the manifest, an archive of the crate `sfa`. Its section `tables` names the tables |
//! | `tables/ID` | a table |
//!
//! lsm-tree removes a folder without `current`, and does not compare the manifest's checksum.

use std::fs;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

use super::finding::Finding;

/// The folder of all keyspaces.
pub(super) const FOLDER: &str = "keyspaces";

/// How thorough a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Whether every file that must exist does, and whether the manifests are right. Quick.
    Manifests,
    /// The same, and the checksum of every table.
    Tables,
}

/// What is wrong with the keyspaces of a folder that is not new.
pub(super) fn inspect(folder: &Path, depth: Depth) -> io::Result<Vec<Finding>> {
    let entries = match fs::read_dir(folder.join(FOLDER)) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(vec![Finding::missing_file(FOLDER)]);
        }
        entries => entries?,
    };
    let mut keyspaces = Vec::new();
    let mut findings = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        match name.to_str().and_then(|name| name.parse::<u64>().ok()) {
            Some(id) => keyspaces.push(id),
            None => {
                findings.push(Finding::file(Path::new(FOLDER).join(name), "does not belong there"))
            }
        }
    }
    keyspaces.sort_unstable();
    for id in keyspaces {
        findings.extend(inspect_keyspace(folder, id, depth)?);
    }
    Ok(findings)
}

/// What is wrong with one keyspace.
pub(super) fn inspect_keyspace(folder: &Path, id: u64, depth: Depth) -> io::Result<Vec<Finding>> {
    let own = Path::new(FOLDER).join(id.to_string());
    let current = own.join("current");
    let bytes = match read(&folder.join(&current))? {
        Some(bytes) => bytes,
        // A crash may have come between creating the folder and writing its files.
        None if is_new(&folder.join(&own))? => return Ok(Vec::new()),
        None => return Ok(vec![Finding::missing_file(current)]),
    };
    let Some((number, checksum)) = read_current(&bytes) else {
        return Ok(vec![Finding::file(current, "is damaged")]);
    };
    let manifest = own.join(format!("v{number}"));
    match read(&folder.join(&manifest))? {
        None => return Ok(vec![Finding::missing_file(manifest)]),
        Some(bytes) if xxh3_128(&bytes) != checksum => {
            return Ok(vec![Finding::file(manifest, "does not have the checksum of `current`")]);
        }
        Some(_) => {}
    }
    let Some(tables) = tables_of(&folder.join(&manifest)) else {
        return Ok(vec![Finding::file(manifest, "cannot be read")]);
    };
    let mut findings = Vec::new();
    for (id, expected) in tables {
        let table = own.join("tables").join(id.to_string());
        let path = folder.join(&table);
        if !path.try_exists()? {
            findings.push(Finding::missing_file(table));
        } else if depth == Depth::Tables && checksum_of(&path)? != expected {
            findings.push(Finding::file(table, "does not have the checksum of the manifest"));
        }
    }
    Ok(findings)
}

/// Whether a keyspace's folder holds nothing that was written yet.
fn is_new(own: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(own)? {
        let entry = entry?;
        let is_empty_folder =
            entry.file_type()?.is_dir() && fs::read_dir(entry.path())?.next().is_none();
        let name = entry.file_name();
        // Its first manifest lists no table. `current` is written under another name at first.
        let is_unfinished = name == "v0" || name.to_string_lossy().starts_with(".tmp");
        if !is_empty_folder && !is_unfinished {
            return Ok(false);
        }
    }
    Ok(true)
}

fn read_current(bytes: &[u8]) -> Option<(u64, u128)> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    let (checksum, kind) = rest.split_first_chunk::<16>()?;
    (kind == [0]).then(|| (u64::from_le_bytes(*number), u128::from_le_bytes(*checksum)))
}

/// The tables that a manifest names, with their checksums.
fn tables_of(manifest: &Path) -> Option<Vec<(u64, u128)>> {
    let archive = sfa::Reader::new(manifest).ok()?;
    let mut section = archive.toc().section(b"tables")?.buf_reader(manifest).ok()?;
    let mut tables = Vec::new();
    let [levels] = take(&mut section)?;
    for _ in 0..levels {
        let [runs] = take(&mut section)?;
        for _ in 0..runs {
            for _ in 0..u32::from_le_bytes(take(&mut section)?) {
                let id = u64::from_le_bytes(take(&mut section)?);
                let [_kind] = take(&mut section)?;
                let checksum = u128::from_le_bytes(take(&mut section)?);
                let _sequence: [u8; 8] = take(&mut section)?;
                tables.push((id, checksum));
            }
        }
    }
    Some(tables)
}

fn take<const LENGTH: usize>(reader: &mut impl Read) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    reader.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

fn checksum_of(file: &PathBuf) -> io::Result<u128> {
    let mut reader = BufReader::new(fs::File::open(file)?);
    let mut hasher = Xxh3Default::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hasher.digest128()),
            length => hasher.update(&buffer[..length]),
        }
    }
}

fn read(file: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}
