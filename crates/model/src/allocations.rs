//! Under which allocations a store counted: new uuids by the allocation that their event stated.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::input::InputError;
use crate::name::{Goal, Variant};
use crate::tally::Tally;

/// The number of an allocation of an experiment, from 1.
///
/// ```
/// use abtest_model::AllocationNumber;
///
/// assert_eq!(AllocationNumber::from_text("12")?.get(), 12);
/// assert!(AllocationNumber::from_text("+12").is_err());
/// # Ok::<(), abtest_model::InputError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = u32, minimum = 1))]
pub struct AllocationNumber(NonZeroU32);

impl AllocationNumber {
    /// The parameter under which the number is sent.
    pub const PARAMETER: &'static str = "allocation";

    /// Takes a number from 1 to 4,294,967,295.
    ///
    /// # Errors
    /// When it is another number.
    pub fn from_number(number: u64) -> Result<Self, InputError> {
        let number = u32::try_from(number).ok().and_then(NonZeroU32::new);
        number.map(Self).ok_or(InputError::NotAnAllocation)
    }

    /// Reads decimal digits without a sign and without zeros in front.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn from_text(text: &str) -> Result<Self, InputError> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        let number = text.parse().map_err(|_| InputError::NotAnAllocation)?;
        if is_plain { Self::from_number(number) } else { Err(InputError::NotAnAllocation) }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for AllocationNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What an event states of its unit's assignment.
///
/// ```
/// use abtest_model::{AllocationNumber, Stated};
///
/// let stated = Stated::from(AllocationNumber::from_text("12")?);
/// assert_eq!(stated.to_string(), "12");
/// assert_eq!(Stated::from_text("12x")?, Stated { mismatch: true, ..stated });
/// # Ok::<(), abtest_model::InputError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stated {
    /// The allocation of the unit's first exposure.
    pub allocation: AllocationNumber,
    /// Whether this allocation gives the unit another variant than the event has. A server that knows
    /// the allocation's ranges sets it; clients cannot.
    pub mismatch: bool,
}

impl Stated {
    /// Reads what [`Display`](fmt::Display) writes: the number, with an `x` after it for a mismatch.
    /// Stores use this text as a key, so it never changes.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn from_text(text: &str) -> Result<Self, InputError> {
        let (number, mismatch) = match text.strip_suffix('x') {
            Some(number) => (number, true),
            None => (text, false),
        };
        Ok(Self { allocation: AllocationNumber::from_text(number)?, mismatch })
    }
}

impl From<AllocationNumber> for Stated {
    fn from(allocation: AllocationNumber) -> Self {
        Self { allocation, mismatch: false }
    }
}

impl fmt::Display for Stated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.allocation, if self.mismatch { "x" } else { "" })
    }
}

impl Serialize for Stated {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Stated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_text(&text).map_err(serde::de::Error::custom)
    }
}

/// How many uuids were new under each allocation, for each counter of an experiment. A uuid belongs
/// to what its first event stated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allocations {
    counters: BTreeMap<(Goal, Variant), BTreeMap<Stated, u64>>,
}

impl Allocations {
    /// Adds new uuids of a counter whose events stated this.
    pub fn add(&mut self, goal: Goal, variant: Variant, stated: Stated, new: u64) {
        let counter = self.counters.entry((goal, variant)).or_default();
        *counter.entry(stated).or_default() += new;
    }

    /// Removes the counters that `is_kept` refuses.
    pub fn retain(&mut self, is_kept: impl Fn(&Goal, &Variant) -> bool) {
        self.counters.retain(|(goal, variant), _| is_kept(goal, variant));
    }

    /// The new uuids of a counter by what their events stated, by number of allocation.
    pub fn of(&self, goal: &Goal, variant: &Variant) -> impl Iterator<Item = (Stated, u64)> + '_ {
        let counter = self.counters.get(&(goal.clone(), variant.clone()));
        counter.into_iter().flatten().map(|(stated, new)| (*stated, *new))
    }
}

/// How many uuids were new under each allocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AllocationResults {
    /// The share of the participants whose events state an allocation, from 0 to 1.
    pub stated: f64,
    /// The share of these whose allocation gives them another variant than they were counted in, from
    /// 0 to 1. Only the newest allocation at the time of an event is compared.
    pub mismatch: f64,
    /// A row for each goal and variant, `participate` included.
    pub counters: Vec<AllocationRow>,
}

/// One counter's uuids by allocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AllocationRow {
    /// The goal's name, or `participate`.
    pub goal: String,
    /// The variant's name.
    pub label: String,
    /// How many uuids were new under each allocation that any of them stated.
    pub allocations: Vec<AllocationCount>,
    /// How many uuids came with an event that stated no allocation.
    pub not_stated: u64,
}

/// The uuids of one allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AllocationCount {
    /// The allocation's number.
    pub allocation: AllocationNumber,
    /// How many uuids were new under it. With `hll` it is an estimate.
    pub count: u64,
    /// How many of these the allocation gives another variant.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub mismatches: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl AllocationResults {
    /// The results of a tally; `None` if it has no counts by allocation.
    pub(crate) fn of(tally: &Tally) -> Option<Self> {
        let allocations = tally.allocations.as_ref()?;
        let row = |(goal, variant, total): (&Goal, &Variant, u64)| {
            let mut left = total;
            // Estimates of parts can be larger than the estimate of the whole.
            let mut parts: Vec<AllocationCount> = Vec::new();
            for (Stated { allocation, mismatch }, new) in allocations.of(goal, variant) {
                let count = new.min(left);
                left -= count;
                let mismatches = if mismatch { count } else { 0 };
                match parts.last_mut().filter(|part| part.allocation == allocation) {
                    Some(part) => {
                        part.count += count;
                        part.mismatches += mismatches;
                    }
                    None => parts.push(AllocationCount { allocation, count, mismatches }),
                }
            }
            AllocationRow {
                goal: goal.to_string(),
                label: variant.to_string(),
                allocations: parts,
                not_stated: left,
            }
        };
        let counters: Vec<AllocationRow> = tally.counters().map(row).collect();
        let participants = || counters.iter().filter(|row| row.goal == Goal::PARTICIPATE);
        let stated: u64 = participants().map(AllocationRow::stated).sum();
        let all = stated + participants().map(|row| row.not_stated).sum::<u64>();
        let is_stated = counters.iter().any(|row| row.stated() > 0);
        let mismatches: u64 = participants().map(AllocationRow::mismatches).sum();
        let share = |part: u64, of: u64| if of == 0 { 0.0 } else { part as f64 / of as f64 };
        let (mismatch, stated) = (share(mismatches, stated), share(stated, all));
        is_stated.then_some(Self { stated, mismatch, counters })
    }

    /// How many participants an allocation gives another variant, and how many state an allocation.
    #[must_use]
    pub fn mismatches(&self) -> (u64, u64) {
        let participants = self.counters.iter().filter(|row| row.goal == Goal::PARTICIPATE);
        participants.fold((0, 0), |(mismatches, stated), row| {
            (mismatches + row.mismatches(), stated + row.stated())
        })
    }
}

impl AllocationRow {
    fn stated(&self) -> u64 {
        self.allocations.iter().map(|one| one.count).sum()
    }

    fn mismatches(&self) -> u64 {
        self.allocations.iter().map(|one| one.mismatches).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Experiment;
    use crate::tally::Counting;

    fn number(number: u64) -> AllocationNumber {
        AllocationNumber::from_number(number).unwrap()
    }

    fn tally(participants: u64, parts: &[(u64, u64)]) -> Tally {
        let mut tally = Tally::new(Experiment::new("e").unwrap(), Counting::Exact);
        let (goal, variant) = (Goal::new("participate").unwrap(), Variant::new("red").unwrap());
        let mut allocations = Allocations::default();
        for (allocation, new) in parts {
            allocations.add(goal.clone(), variant.clone(), number(*allocation).into(), *new);
        }
        tally.set(goal, variant, participants);
        tally.allocations = Some(allocations);
        tally
    }

    #[test]
    fn only_plain_digits_from_one_on_are_numbers_of_allocations() {
        assert_eq!(AllocationNumber::from_text("4294967295").unwrap().get(), u32::MAX);
        for text in ["", "0", "01", "+1", "-1", "1.0", " 1", "1e3", "4294967296", "٣"] {
            assert_eq!(
                AllocationNumber::from_text(text),
                Err(InputError::NotAnAllocation),
                "{text}"
            );
        }
        assert!(AllocationNumber::from_number(0).is_err());
    }

    #[test]
    fn the_parts_of_a_counter_add_up_to_its_count() {
        let results = AllocationResults::of(&tally(100, &[(1, 60), (3, 35)])).unwrap();
        assert_eq!(
            serde_json::to_value(&results).unwrap(),
            serde_json::json!({"stated": 0.95, "mismatch": 0.0, "counters": [
                {"goal": "participate", "label": "red", "not_stated": 5, "allocations": [
                    {"allocation": 1, "count": 60}, {"allocation": 3, "count": 35}]}]})
        );
        let estimated = AllocationResults::of(&tally(90, &[(1, 60), (3, 35)])).unwrap();
        assert_eq!((estimated.counters[0].stated(), estimated.counters[0].not_stated), (90, 0));
        assert_eq!(AllocationResults::of(&tally(100, &[])), None);
    }

    #[test]
    fn mismatches_are_part_of_their_allocation() {
        let mut tally = tally(100, &[(1, 60), (2, 15)]);
        let stated = Stated { allocation: number(2), mismatch: true };
        let (goal, variant) = (Goal::new("participate").unwrap(), Variant::new("red").unwrap());
        tally.allocations.as_mut().unwrap().add(goal, variant, stated, 5);
        let results = AllocationResults::of(&tally).unwrap();
        assert_eq!(results.mismatches(), (5, 80));
        assert_eq!((results.stated, results.mismatch), (0.8, 0.0625));
        assert_eq!(
            serde_json::to_value(&results.counters[0].allocations).unwrap(),
            serde_json::json!([{"allocation": 1, "count": 60},
                {"allocation": 2, "count": 20, "mismatches": 5}])
        );
    }

    #[test]
    fn what_an_event_states_reads_as_it_was_written() {
        for text in ["1", "1x", "4294967295x"] {
            assert_eq!(Stated::from_text(text).unwrap().to_string(), text);
        }
        for text in ["", "x", "0x", "1xx", "01x", "1 x"] {
            assert!(Stated::from_text(text).is_err(), "{text}");
        }
    }
}
