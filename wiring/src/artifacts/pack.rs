//! A zip with one executable file in it. The same program gives the same bytes.

use std::io::{Cursor, Read, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// The file that Lambda's `provided` runtimes start.
const NAME: &str = "bootstrap";

/// Packs a program without times or users, and with the same compression everywhere.
pub(super) fn pack(bootstrap: &[u8]) -> Result<Vec<u8>, String> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let packed = zip
        .start_file(NAME, options)
        .and_then(|()| Ok(zip.write_all(bootstrap)?))
        .and_then(|()| zip.finish());
    packed.map(Cursor::into_inner).map_err(|error| error.to_string())
}

/// Returns the program in a zip.
pub(super) fn unpack(zip: &[u8]) -> Result<Vec<u8>, String> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|error| error.to_string())?;
    let mut file = archive.by_name(NAME).map_err(|_| format!("it has no file called `{NAME}`"))?;
    if file.unix_mode().is_some_and(|mode| mode & 0o111 == 0) {
        return Err(format!("its file `{NAME}` is not executable"));
    }
    let mut bootstrap = Vec::new();
    file.read_to_end(&mut bootstrap).map_err(|error| error.to_string())?;
    Ok(bootstrap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_program_makes_the_same_zip_and_comes_back() {
        let program: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let zip = pack(&program).unwrap();
        assert_eq!(zip, pack(&program).unwrap());
        assert_eq!(unpack(&zip).unwrap(), program);
    }

    #[test]
    fn something_else_is_no_functions_zip() {
        assert!(unpack(b"no zip at all").is_err());
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("main.py", SimpleFileOptions::default()).unwrap();
        let error = unpack(&zip.finish().unwrap().into_inner()).unwrap_err();
        assert!(error.contains("no file called `bootstrap`"), "{error}");
    }
}
