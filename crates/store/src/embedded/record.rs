//! The bytes in which a document is stored. A checksum finds a record that was damaged.
//!
//! | bytes | hold |
//! |---|---|
//! | 0 to 7 | the version, big-endian |
//! | 8 | `1` for JSON, `0` for the tombstone of a deleted document |
//! | 9 to 12 | CRC-32 of all other bytes, big-endian |
//! | from 13 | the JSON |
//!
//! Formats 1 and 2 had no checksum: the JSON follows the byte 8.

use super::ledger::{Content, Record};

const JSON: u8 = b'1';
const TOMBSTONE: u8 = b'0';

/// The length of what precedes the checksum.
const HEAD: usize = 9;

/// The highest version that a damaged record may claim. JSON numbers are exact up to here, and the
/// next writes still have higher ones.
const MOST_CLAIMED: u64 = 1 << 50;

/// The bytes of a record. A damaged one is never written, so it becomes a tombstone.
pub(super) fn encode(record: &Record) -> Vec<u8> {
    let (flag, json) = match &record.content {
        Content::Json(json) => (JSON, json.as_bytes()),
        Content::Tombstone | Content::Damaged => (TOMBSTONE, &[][..]),
    };
    let head = [&record.version.to_be_bytes()[..], &[flag]].concat();
    let checksum = checksum(&head, json).to_be_bytes();
    [&head[..], &checksum, json].concat()
}

/// Reads a record.
pub(super) fn decode(bytes: &[u8]) -> Record {
    let damaged = || Record { version: claimed_version(bytes), content: Content::Damaged };
    let Some((head, rest)) = bytes.split_at_checked(HEAD) else { return damaged() };
    let Some((expected, json)) = rest.split_first_chunk::<4>() else { return damaged() };
    if checksum(head, json).to_be_bytes() != *expected {
        return damaged();
    }
    read(head, json).unwrap_or_else(damaged)
}

/// Reads a record of format 2 or earlier.
pub(super) fn decode_without_checksum(bytes: &[u8]) -> Record {
    let parts = bytes.split_at_checked(HEAD);
    parts
        .and_then(|(head, json)| read(head, json))
        .unwrap_or(Record { version: claimed_version(bytes), content: Content::Damaged })
}

fn read(head: &[u8], json: &[u8]) -> Option<Record> {
    let (version, flag) = head.split_first_chunk::<8>()?;
    let content = match flag {
        [JSON] => Content::Json(std::str::from_utf8(json).ok()?.into()),
        [TOMBSTONE] if json.is_empty() => Content::Tombstone,
        _ => return None,
    };
    Some(Record { version: u64::from_be_bytes(*version), content })
}

fn claimed_version(bytes: &[u8]) -> u64 {
    let version = bytes.first_chunk::<8>().map_or(0, |version| u64::from_be_bytes(*version));
    version.min(MOST_CLAIMED)
}

fn checksum(head: &[u8], json: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(json);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_record_reads_as_it_was_written_and_no_flipped_bit_goes_unnoticed(
            version in 1..1_u64 << 40,
            json in proptest::option::of("\\PC{0,60}"),
            bit in any::<prop::sample::Index>(),
        ) {
            let content = json.map_or(Content::Tombstone, |json| Content::Json(json.into()));
            let record = Record { version, content };
            let mut bytes = encode(&record);
            prop_assert_eq!(decode(&bytes), record);
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(decode(&bytes).content, Content::Damaged);
            bytes.truncate(bit / 8);
            prop_assert_eq!(decode(&bytes).content, Content::Damaged);
        }
    }
}
