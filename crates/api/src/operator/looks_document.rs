//! The looks at an experiment, as they are stored.

use abtest_stats::analysis::{BareLook, LOOK_FORMAT, LookRecord, complete_bare_looks};
use abtest_stats::{Error, Level};
use serde::{Deserialize, Serialize};

/// The content of the document that keeps an experiment's looks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub(crate) struct LooksDocument {
    /// The looks with everything that produced them, fewest participants first.
    pub(crate) looks: Vec<LookRecord>,
    /// The times that someone discarded all looks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) resets: Vec<Reset>,
}

/// A time that someone discarded all looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reset {
    /// The UTC day, as `2026-11-21`.
    pub(crate) day: String,
    /// How many looks were discarded.
    pub(crate) looks: u64,
    /// Participants at the last of them.
    pub(crate) participants: u64,
    /// The plan that was discarded.
    pub(crate) planned: u64,
}

impl LooksDocument {
    /// The same with one more look.
    pub(crate) fn with(&self, look: LookRecord) -> Self {
        let mut document = self.clone();
        document.looks.push(look);
        document
    }

    /// Without any look, and with a record of that; `None` if there are no looks.
    pub(crate) fn reset(&self, day: String) -> Option<Self> {
        let last = self.looks.last()?;
        let reset = Reset {
            day,
            looks: self.looks.len() as u64,
            participants: last.participants,
            planned: last.planned,
        };
        let resets = self.resets.iter().cloned().chain([reset]).collect();
        Some(Self { looks: Vec::new(), resets })
    }
}

/// The document as this version or an earlier one stored it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    looks: Vec<StoredLook>,
    #[serde(default)]
    resets: Vec<Reset>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum StoredLook {
    Record(Box<LookRecord>),
    /// An earlier version stored the statistics without the bounds.
    Bare(BareLook),
}

impl TryFrom<Stored> for LooksDocument {
    type Error = Error;

    /// Bare looks get the bounds that they had at the default level.
    fn try_from(stored: Stored) -> Result<Self, Error> {
        let (mut bare, mut records) = (Vec::new(), Vec::new());
        for look in stored.looks {
            match look {
                StoredLook::Bare(look) => bare.push(look),
                StoredLook::Record(record) => records.push(*record),
            }
        }
        let mut looks = complete_bare_looks(&bare, Level::DEFAULT)?;
        looks.extend(records);
        check(&looks)?;
        Ok(Self { looks, resets: stored.resets })
    }
}

/// Looks that no analysis could continue are damaged.
fn check(looks: &[LookRecord]) -> Result<(), Error> {
    let wrong = |name, rule, value| Err(Error::OutOfRange { name, rule, value });
    for pair in looks.windows(2) {
        let (previous, next) = (pair[0].participants as f64, pair[1].participants as f64);
        if pair[0].participants >= pair[1].participants {
            return Err(Error::LooksNotIncreasing { previous, next });
        }
        if pair[0].planned != pair[1].planned {
            return wrong("planned", "that of the first look", pair[1].planned as f64);
        }
    }
    for look in looks {
        if look.format != LOOK_FORMAT {
            return wrong("format", "1", f64::from(look.format));
        }
        if look.planned == 0 {
            return wrong("planned", "at least 1", 0.0);
        }
        for family in &look.families {
            Level::from_alpha(family.alpha)?;
            if family.bound.is_some_and(|bound| bound <= 0.0) {
                return wrong("bound", "positive", family.bound.unwrap_or_default());
            }
            if !(0.0..=1.0).contains(&family.spent_after) {
                return wrong("spent", "between 0 and 1", family.spent_after);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_AN_EARLIER_VERSION: &str = r#"{"looks": [{"participants": 4010, "planned": 8000,
        "control": "blue", "statistics":
        [{"goal": "signup", "variant": "red", "z": 5.0, "standard_error": 0.1}]}]}"#;

    #[test]
    fn looks_of_an_earlier_version_are_read_and_then_stored_with_their_bounds() {
        let old: LooksDocument = serde_json::from_str(OF_AN_EARLIER_VERSION).unwrap();
        assert_eq!((old.looks.len(), old.looks[0].participants), (1, 4010));
        assert_eq!(old.looks[0].decisions()[0].variant, "red");
        let stored = serde_json::to_string(&old).unwrap();
        assert_eq!(serde_json::from_str::<LooksDocument>(&stored).unwrap(), old);
    }

    #[test]
    fn looks_that_no_look_could_follow_are_damaged() {
        let old: LooksDocument = serde_json::from_str(OF_AN_EARLIER_VERSION).unwrap();
        let good = serde_json::to_value(&old).unwrap();
        assert!(serde_json::from_str::<LooksDocument>(&good.to_string()).is_ok());
        for (member, value) in [
            ("/looks/0/format", 2.into()),
            ("/looks/0/planned", 0.into()),
            ("/looks/0/families/0/alpha", 2.0.into()),
            ("/looks/0/families/0/bound", (-1.0).into()),
            ("/looks/0/families/0/spent_after", 2.0.into()),
            ("/looks", serde_json::json!([good["looks"][0], good["looks"][0]])),
        ] {
            let mut damaged = good.clone();
            *damaged.pointer_mut(member).unwrap() = value;
            assert!(
                serde_json::from_str::<LooksDocument>(&damaged.to_string()).is_err(),
                "{member}"
            );
        }
    }

    #[test]
    fn a_reset_discards_the_looks_and_is_remembered() {
        let old: LooksDocument = serde_json::from_str(OF_AN_EARLIER_VERSION).unwrap();
        let reset = old.reset("2026-11-21".to_owned()).unwrap();
        assert!(reset.looks.is_empty());
        let expected =
            Reset { day: "2026-11-21".to_owned(), looks: 1, participants: 4010, planned: 8000 };
        assert_eq!(reset.resets, [expected]);
        assert_eq!(reset.reset("2026-11-22".to_owned()), None);
        let stored = serde_json::to_string(&reset).unwrap();
        assert_eq!(serde_json::from_str::<LooksDocument>(&stored).unwrap(), reset);
    }
}
