//! Which variants and goals are analysed when there are too many. Anybody on the internet can send
//! names, and every variant is compared with every other one on every goal.

use abtest_stats::analysis::{Counts, Looks, Remark, RemarkCode, Settings};

/// Most variants that are analysed.
const VARIANTS: usize = 50;

/// Most pairs of variants, over all goals: 10 variants may have 100 goals, 50 variants 4.
const PAIRS: usize = 10_000;

/// Keeps the variants with the most participants and the goals that were reached most, in their
/// order, and says what is left out. Keeps what someone asked for by name, and what the stored looks
/// compare.
pub(super) fn keep_top(counts: &mut Counts, settings: &Settings) -> Vec<Remark> {
    let looks = settings.looks.as_ref();
    let (kept_variants, kept_goals) = (
        looks.map(Looks::variants).unwrap_or_default(),
        looks.map(Looks::goals).unwrap_or_default(),
    );
    let mut remarks = Vec::new();
    let all = counts.variants.len();
    // The looks' goals leave room for fewer variants.
    let room = (PAIRS / kept_goals.len().max(1)).isqrt();
    let variants = room.max(kept_variants.len()).clamp(1, VARIANTS);
    let importance = |index: usize| {
        let variant = &counts.variants[index];
        let name = variant.name.as_str();
        (settings.control.as_deref() == Some(name), kept_variants.contains(name), variant.trials)
    };
    if let Some(kept) = top(all, variants, importance) {
        counts.keep_variants(&kept);
        let message = format!(
            "Only the {variants} variants with the most participants are analysed, of {all}. Does \
             someone send made-up names?"
        );
        remarks.push(Remark { code: RemarkCode::LeftOut, message });
    }
    let all = counts.goals.len();
    let goals = (PAIRS / counts.variants.len().pow(2).max(1)).max(kept_goals.len()).max(1);
    let importance = |index: usize| {
        let goal = &counts.goals[index];
        let name = goal.name.as_str();
        let reached = goal.successes.iter().fold(0, |sum: u64, &count| sum.saturating_add(count));
        (settings.primary_goal.as_deref() == Some(name), kept_goals.contains(name), reached)
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
    use abtest_stats::analysis::{EarlierLook, GoalCounts, VariantCounts, analyse};

    fn counts(variants: u64, goals: u64) -> Counts {
        let variant = |v| VariantCounts { name: format!("v{v}"), trials: v, weight: None };
        let goal = |g| GoalCounts::new(format!("g{g}"), (0..variants).map(|v| v * g).collect());
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
            assert!(keep_top(&mut kept, &Settings::default()).is_empty());
            assert_eq!(kept, counts(variants, goals));
        }
    }

    #[test]
    fn of_more_the_largest_and_those_asked_for_are_kept_and_the_report_says_so() {
        let mut kept = counts(300, 300);
        let settings = Settings {
            control: Some("v3".to_owned()),
            primary_goal: Some("g2".to_owned()),
            ..Settings::default()
        };
        let remarks = keep_top(&mut kept, &settings);
        assert_eq!(remarks.len(), 2);
        let names: Vec<&str> = kept.variants.iter().map(|v| &*v.name).collect();
        assert_eq!((names.len(), names[0], names[1], names[49]), (50, "v3", "v251", "v299"));
        let goals: Vec<&str> = kept.goals.iter().map(|goal| &*goal.name).collect();
        assert_eq!(goals, ["g2", "g297", "g298", "g299"]);
        assert_eq!(kept.goals[3].successes[49], 299 * 299);
        assert!(kept.goals.iter().all(|goal| goal.successes.len() == 50));
    }

    #[test]
    fn what_the_looks_compare_is_kept_however_many_names_come_later() {
        let mut early = counts(3, 200);
        early.variants.iter_mut().for_each(|variant| variant.trials = 1_000);
        early.goals.iter_mut().for_each(|goal| goal.successes = vec![100, 110, 120]);
        let look = Looks { planned: 8_000, earlier: Vec::new(), now: true };
        let settings = Settings { looks: Some(look), ..Settings::default() };
        let taken = analyse(&early, &settings).unwrap().looks.unwrap().taken;
        let earlier = taken.into_iter().map(|look| EarlierLook::Recorded(Box::new(look)));
        let looks = Looks { planned: 8_000, earlier: earlier.collect(), now: false };
        let settings = Settings { looks: Some(looks), ..Settings::default() };
        let mut kept = counts(300, 10_000);
        assert_eq!(keep_top(&mut kept, &settings).len(), 2);
        let (variants, goals) = (kept.variants.len(), kept.goals.len());
        assert!(goals * variants.pow(2) <= PAIRS, "{goals} goals, {variants} variants");
        for name in early.variants.iter().map(|variant| &variant.name) {
            assert!(kept.variants.iter().any(|variant| variant.name == *name), "{name}");
        }
        for name in early.goals.iter().map(|goal| &goal.name) {
            assert!(kept.goals.iter().any(|goal| goal.name == *name), "{name}");
        }
    }
}
