//! Which variants and goals are analysed when there are too many. Anybody on the internet can send
//! names, and every variant is compared with every other one on every goal.

use abtest_stats::analysis::{Counts, Remark, RemarkCode};

/// Most variants that are analysed.
const VARIANTS: usize = 50;

/// Most pairs of variants, over all goals: 10 variants may have 100 goals, 50 variants 4.
const PAIRS: usize = 10_000;

/// Keeps the variants with the most participants and the goals that were reached most, in their
/// order, and says what is left out. Keeps what someone asked for by name.
pub(super) fn keep_top(
    counts: &mut Counts,
    control: Option<&str>,
    primary_goal: Option<&str>,
) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let all = counts.variants.len();
    let importance = |index: usize| {
        let variant = &counts.variants[index];
        (control == Some(&*variant.name), variant.trials)
    };
    if let Some(kept) = top(all, VARIANTS, importance) {
        counts.variants = kept.iter().map(|&index| counts.variants[index].clone()).collect();
        for goal in &mut counts.goals {
            goal.successes = kept.iter().map(|&index| goal.successes[index]).collect();
        }
        let message = format!(
            "Only the {VARIANTS} variants with the most participants are analysed, of {all}. Does \
             someone send made-up names?"
        );
        remarks.push(Remark { code: RemarkCode::LeftOut, message });
    }
    let all = counts.goals.len();
    let goals = (PAIRS / counts.variants.len().pow(2).max(1)).max(1);
    let importance = |index: usize| {
        let goal = &counts.goals[index];
        let reached = goal.successes.iter().fold(0, |sum: u64, &count| sum.saturating_add(count));
        (primary_goal == Some(&*goal.name), reached)
    };
    if let Some(kept) = top(all, goals, importance) {
        counts.goals = kept.iter().map(|&index| counts.goals[index].clone()).collect();
        let message =
            format!("Only the {goals} goals that were reached most often are analysed, of {all}.");
        remarks.push(Remark { code: RemarkCode::LeftOut, message });
    }
    remarks
}

/// The indices of the most important, ascending, if there are more than `most`.
fn top<K: Ord>(all: usize, most: usize, importance: impl Fn(usize) -> K) -> Option<Vec<usize>> {
    if all <= most {
        return None;
    }
    let mut indices: Vec<usize> = (0..all).collect();
    indices.sort_by_key(|&index| std::cmp::Reverse(importance(index)));
    indices.truncate(most);
    indices.sort_unstable();
    Some(indices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use abtest_stats::analysis::{GoalCounts, VariantCounts};

    fn counts(variants: u64, goals: u64) -> Counts {
        let variant = |v| VariantCounts { name: format!("v{v}"), trials: v, weight: None };
        let goal = |g| GoalCounts {
            name: format!("g{g}"),
            successes: (0..variants).map(|v| v * g).collect(),
        };
        Counts {
            variants: (0..variants).map(variant).collect(),
            goals: (0..goals).map(goal).collect(),
            periods: Vec::new(),
        }
    }

    #[test]
    fn fifty_variants_and_a_handful_of_goals_are_all_kept() {
        for (variants, goals) in [(0, 0), (1, 10_000), (2, 2_500), (10, 100), (50, 4)] {
            let mut kept = counts(variants, goals);
            assert!(keep_top(&mut kept, None, None).is_empty());
            assert_eq!(kept, counts(variants, goals));
        }
    }

    #[test]
    fn of_more_the_largest_and_those_asked_for_are_kept_and_the_report_says_so() {
        let mut kept = counts(300, 300);
        let remarks = keep_top(&mut kept, Some("v3"), Some("g2"));
        assert_eq!(remarks.len(), 2);
        let names: Vec<&str> = kept.variants.iter().map(|v| &*v.name).collect();
        assert_eq!((names.len(), names[0], names[1], names[49]), (50, "v3", "v251", "v299"));
        let goals: Vec<&str> = kept.goals.iter().map(|goal| &*goal.name).collect();
        assert_eq!(goals, ["g2", "g297", "g298", "g299"]);
        assert_eq!(kept.goals[3].successes[49], 299 * 299);
        assert!(kept.goals.iter().all(|goal| goal.successes.len() == 50));
    }
}
