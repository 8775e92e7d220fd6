//! From a seed and a unit to one of 10,000 buckets.

use serde_json::Value;

use crate::definition::seed::MAX_SEED_BYTES;
use crate::definition::{BUCKETS, Seed, UnitHash};
use crate::input::MAX_NAME_BYTES;
use crate::name::{Goal, Uuid};

/// Room for a seed, a colon and a unit.
const BUFFER: usize = MAX_SEED_BYTES + 1 + MAX_NAME_BYTES;

/// The bucket of a unit, 0 to 9,999. Different seeds give independent buckets.
///
/// - `murmur3`: `MurmurHash3_x86_32` with seed 0 over the UTF-8 bytes of `seed:unit`, modulo 10,000
///   (Appleby 2011).
/// - `growthbook`: hash version 2 of GrowthBook's SDKs, 32-bit FNV-1a over the UTF-16 code units of
///   `seed` and `unit`, then over the decimal digits of the result, modulo 10,000.
#[must_use]
pub fn bucket(hash: UnitHash, seed: &Seed, unit: &Uuid) -> u16 {
    bucket_of(hash, seed.as_str(), unit.as_str())
}

/// The number that stands for a declared goal in the published document, 0 to 9,999: the `murmur3`
/// bucket of the goal's name with the experiment's id as seed, whatever the namespace's hash is. A
/// client that knows the name can compute it. The name cannot be read from it.
#[must_use]
pub fn goal_bucket(experiment: &Seed, goal: &Goal) -> u16 {
    bucket_of(UnitHash::Murmur3, experiment.as_str(), goal.as_str())
}

/// Largest whole number that every JSON library reads exactly, 2^53 - 1.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// The unit in a JSON value: a text that keeps the rule of units, or a whole number up to 2^53 - 1
/// in decimal. (JavaScript rounds larger ones; send them as texts.)
#[must_use]
pub fn unit_of(value: &Value) -> Option<Uuid> {
    match value {
        Value::String(text) => Uuid::new(text.as_str()).ok(),
        Value::Number(number) => {
            let whole =
                number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() <= MAX_SAFE_INTEGER)?;
            Uuid::new((whole as i64).to_string()).ok()
        }
        _ => None,
    }
}

fn bucket_of(hash: UnitHash, seed: &str, unit: &str) -> u16 {
    let value = match hash {
        UnitHash::Murmur3 => murmur3(seed.as_bytes(), unit.as_bytes()),
        UnitHash::Growthbook => growthbook(seed, unit),
    };
    (value % u32::from(BUCKETS)) as u16
}

fn murmur3(seed: &[u8], unit: &[u8]) -> u32 {
    let length = seed.len() + 1 + unit.len();
    let mut buffer = [0; BUFFER];
    let Some(key) = buffer.get_mut(..length) else {
        return murmurhash32::murmurhash3_with_seed::<0>(&[seed, b":", unit].concat());
    };
    key[..seed.len()].copy_from_slice(seed);
    key[seed.len()] = b':';
    key[seed.len() + 1..].copy_from_slice(unit);
    murmurhash32::murmurhash3_with_seed::<0>(key)
}

fn growthbook(seed: &str, unit: &str) -> u32 {
    let first = fnv1a(seed.encode_utf16().chain(unit.encode_utf16()).map(u32::from));
    let mut digits = [0; 10];
    let mut start = digits.len();
    let mut rest = first;
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    fnv1a(digits[start..].iter().map(|digit| u32::from(*digit)))
}

/// 32-bit FNV-1a over code units. (The crate `fnv` has only the 64-bit form over bytes.)
fn fnv1a(code_units: impl Iterator<Item = u32>) -> u32 {
    code_units.fold(0x811c_9dc5, |hash, unit| (hash ^ unit).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn buckets_equal_the_reference_vectors() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../assign/tests/buckets.json")).unwrap();
        let cases = vectors["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 60);
        for case in cases {
            let (seed, unit) = (case["seed"].as_str().unwrap(), case["unit"].as_str().unwrap());
            for (hash, name) in
                [(UnitHash::Murmur3, "murmur3"), (UnitHash::Growthbook, "growthbook")]
            {
                let expected = case[name].as_u64().unwrap();
                assert_eq!(u64::from(bucket_of(hash, seed, unit)), expected, "{seed:?} {unit:?}");
            }
        }
    }

    #[test]
    fn buckets_of_units_of_every_length_equal_other_libraries() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../assign/tests/vectors.json")).unwrap();
        let cases = vectors.as_array().unwrap();
        assert_eq!(cases.len(), 400);
        for case in cases {
            let seed: Seed = case["seed"].as_str().unwrap().parse().unwrap();
            let unit = unit_of(&case["unit"]).unwrap();
            for (hash, name) in
                [(UnitHash::Murmur3, "murmur3"), (UnitHash::Growthbook, "growthbook")]
            {
                let expected = case[name].as_u64().unwrap();
                assert_eq!(u64::from(bucket(hash, &seed, &unit)), expected, "{case}");
            }
        }
    }

    #[test]
    fn growthbooks_buckets_equal_its_own_vectors() {
        let cases: Value =
            serde_json::from_str(include_str!("../../assign/tests/growthbook/cases.json")).unwrap();
        let version_2 = cases["hash"].as_array().unwrap().iter().filter(|case| case[2] == 2);
        let mut count = 0;
        for case in version_2 {
            let (seed, unit) = (case[0].as_str().unwrap(), case[1].as_str().unwrap());
            let found = f64::from(bucket_of(UnitHash::Growthbook, seed, unit)) / 10_000.0;
            assert_eq!(Some(found), case[3].as_f64(), "{case}");
            count += 1;
        }
        assert!(count >= 5, "only {count} vectors of version 2");
    }

    #[test]
    fn a_unit_is_a_text_or_a_whole_number() {
        assert_eq!(unit_of(&json!("a")).unwrap().as_str(), "a");
        assert_eq!(unit_of(&json!(-12)).unwrap().as_str(), "-12");
        assert_eq!(unit_of(&json!(7.0)).unwrap().as_str(), "7");
        for value in [
            json!(1.5),
            json!(u64::MAX),
            json!(null),
            json!(true),
            json!(""),
            json!("a\nb"),
            json!(["a"]),
        ] {
            assert_eq!(unit_of(&value), None, "{value}");
        }
    }
}
