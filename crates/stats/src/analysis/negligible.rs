//! Names that hardly anyone was counted for: a typo, a scanner, or a stranger who made up a variant.
//!
//! They are left out of the analysis, so that one made-up event neither voids a verdict nor widens an interval.

use super::input::{Counts, Settings, VariantCounts};
use super::remarks::Remarks;
use super::report::RemarkCode;
use crate::words::thousands;

/// A variant with fewer participants than this may be negligible.
const FEW: u64 = 100;

/// A negligible variant has less than one participant per this many of the largest variant.
const PER_LARGEST: u64 = 1_000;

/// Names that a note lists. More are only counted.
const LISTED: usize = 5;

/// The counts without negligible variants, and without goals that only those reached. A note lists the variants.
///
/// A variant is negligible if it has fewer than 100 participants and less than 0.1% of the participants of the largest
/// variant. Variants that are declared, belong to stored looks, have a weight, or were asked for as the control are always kept.
pub(super) fn leave_out(counts: &Counts, settings: &Settings, remarks: &mut Remarks) -> Counts {
    let largest = counts.variants.iter().map(|variant| variant.trials).max().unwrap_or(0);
    let is_kept = |index: &usize| !is_negligible(&counts.variants[*index], largest, settings);
    let (kept, left_out): (Vec<usize>, Vec<usize>) = (0..counts.variants.len()).partition(is_kept);
    let mut left = counts.clone();
    if left_out.is_empty() {
        return left;
    }
    note(counts, &left_out, remarks);
    left.keep_variants(&kept);
    let was_reached = |successes: &[u64]| successes.iter().any(|&count| count > 0);
    let goals = counts.goals.iter().zip(left.goals).filter(|(goal, left)| {
        let asked = settings.primary_goal() == Some(&goal.name)
            || settings
                .declared
                .as_ref()
                .is_some_and(|declared| declared.goal(&goal.name).is_some());
        asked || was_reached(&left.successes) || !was_reached(&goal.successes)
    });
    left.goals = goals.map(|(_, left)| left).collect();
    left
}

/// Whether so few participants may be strangers' events, next to the largest variant: events for a variant that nobody is
/// assigned to.
pub(super) fn are_strays(participants: u64, largest: u64) -> bool {
    participants < FEW.max(largest / PER_LARGEST)
}

fn is_negligible(variant: &VariantCounts, largest: u64, settings: &Settings) -> bool {
    let is_small = variant.trials < FEW && variant.trials.saturating_mul(PER_LARGEST) < largest;
    let declared = settings.declared.as_ref();
    let is_declared =
        declared.is_some_and(|all| all.variants.iter().any(|one| one.name == variant.name));
    let is_control = settings.control.as_ref() == Some(&variant.name);
    let is_of_looks =
        || settings.looks.as_ref().is_some_and(|looks| looks.variants().contains(&*variant.name));
    is_small && variant.weight.is_none() && !is_declared && !is_control && !is_of_looks()
}

fn note(counts: &Counts, left_out: &[usize], remarks: &mut Remarks) {
    let left: Vec<&VariantCounts> = left_out.iter().map(|&index| &counts.variants[index]).collect();
    let mut names: Vec<String> = left
        .iter()
        .take(LISTED)
        .map(|one| format!("{} ({})", one.name, thousands(one.trials)))
        .collect();
    if left.len() > LISTED {
        names.push(format!("{} more", thousands((left.len() - LISTED) as u64)));
    }
    let message = format!(
        "Left out of the analysis, because less than 0.1% of the largest variant's participants and fewer than {FEW} were \
         counted: {}. Is a name misspelled or made up?",
        names.join(", ")
    );
    remarks.note(RemarkCode::NegligibleVariants, message);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Declared, GoalCounts, Period};

    fn variant(name: &str, trials: u64) -> VariantCounts {
        VariantCounts { name: name.to_owned(), trials, weight: None }
    }

    fn counts(stranger: u64) -> Counts {
        let goal = |name: &str, successes: [u64; 3]| GoalCounts::new(name, successes.to_vec());
        Counts {
            variants: vec![variant("a", 20_000), variant("zzz", stranger), variant("b", 20_100)],
            goals: vec![goal("signup", [1_000, 1, 1_300]), goal("made up", [0, 1, 0])],
            periods: vec![Period {
                weights: vec![1.0, 0.0, 1.0],
                participants: vec![20_000, stranger, 20_100],
                goals: vec![goal("signup", [1_000, 1, 1_300])],
            }],
        }
    }

    fn left(counts: &Counts, settings: &Settings) -> (Counts, Option<String>) {
        let mut remarks = Remarks::default();
        let left = leave_out(counts, settings, &mut remarks);
        (left, remarks.notes.pop().map(|note| note.message))
    }

    fn names(counts: &Counts) -> Vec<&str> {
        counts.variants.iter().map(|one| one.name.as_str()).collect()
    }

    #[test]
    fn a_negligible_variant_goes_with_the_goals_that_only_it_reached() {
        let (left, note) = left(&counts(1), &Settings::default());
        assert_eq!(names(&left), ["a", "b"]);
        assert_eq!(left.goals.len(), 1);
        assert_eq!(left.goals[0].successes, [1_000, 1_300]);
        assert_eq!(left.periods[0].participants, [20_000, 20_100]);
        assert_eq!(left.periods[0].weights, [1.0, 1.0]);
        assert_eq!(left.periods[0].goals[0].successes, [1_000, 1_300]);
        assert!(note.unwrap().contains("zzz (1)"));
    }

    #[test]
    fn a_variant_is_kept_from_a_thousandth_of_the_largest_or_100_participants_on() {
        let settings = Settings::default();
        // 0.1% of 20,100 are 20.1.
        assert_eq!(names(&left(&counts(20), &settings).0), ["a", "b"]);
        assert_eq!(left(&counts(21), &settings), (counts(21), None));
        let mut large = counts(99);
        large.variants[0].trials = 10_000_000;
        assert_eq!(names(&left(&large, &settings).0), ["a", "b"]);
        large.variants[1].trials = 100;
        assert_eq!(names(&left(&large, &settings).0), ["a", "zzz", "b"]);
    }

    #[test]
    fn what_someone_declared_or_asked_for_is_kept() {
        let all = counts(1);
        let declared = Declared::as_counted(&all, None);
        let control = Some("zzz".to_owned());
        for settings in [
            Settings { control, ..Settings::default() },
            Settings { declared: Some(declared), ..Settings::default() },
        ] {
            assert_eq!(left(&all, &settings), (all.clone(), None));
        }
        let mut weighted = counts(1);
        weighted.variants[1].weight = Some(1.0);
        assert_eq!(left(&weighted, &Settings::default()), (weighted.clone(), None));
        let primary = Settings { primary_goal: Some("made up".to_owned()), ..Settings::default() };
        assert_eq!(left(&all, &primary).0.goals.len(), 2);
    }

    #[test]
    fn a_long_list_of_names_is_cut() {
        let mut many = Counts { variants: vec![variant("a", 20_000)], ..Counts::default() };
        many.variants.extend((0..50).map(|number| variant(&format!("z{number}"), 0)));
        let note = left(&many, &Settings::default()).1.unwrap();
        assert!(note.contains("z4 (0), 45 more") && !note.contains("z5"), "{note}");
    }
}
