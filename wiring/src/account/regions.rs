//! Names of AWS's regions, for messages about a wrong one.

/// The regions of 2026-11, from <https://docs.aws.amazon.com/general/latest/gr/rande.html>. A new
/// region works without being listed here.
const KNOWN: [&str; 38] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// Whether the region is listed.
pub(super) fn is_known(region: &str) -> bool {
    KNOWN.contains(&region)
}

/// Whether the text has the form of a region's name: lower-case words and a number, with hyphens
/// between them.
pub(super) fn is_possible(region: &str) -> bool {
    let parts: Vec<&str> = region.split('-').collect();
    let Some((number, words)) = parts.split_last() else { return false };
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    words.len() >= 2 && words.iter().all(is_word) && is_number
}

/// The region whose name is most similar, if one is similar enough to be meant.
pub(super) fn similar(region: &str) -> Option<&'static str> {
    let distances = KNOWN.iter().map(|known| (strsim::osa_distance(region, known), *known));
    distances.min().filter(|(distance, _)| *distance <= 3).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_or_a_place_is_not_a_region() {
        assert!(KNOWN.iter().all(|region| is_possible(region)));
        for wrong in ["eu-west-1a", "Ireland", "eu-west", "EU-WEST-1", "eu--1", ""] {
            assert!(!is_possible(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_mistyped_region_is_corrected() {
        assert_eq!(similar("eu-wset-1"), Some("eu-west-1"));
        assert_eq!(similar("us-east-1a"), Some("us-east-1"));
        assert_eq!(similar("moon"), None);
    }
}
