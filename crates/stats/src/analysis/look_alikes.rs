//! Names that a reader cannot tell apart, such as `red` and `red` with an invisible character: a typo splits the counts
//! of one variant, and a stranger can make up such a name.

use std::collections::BTreeMap;

use unicode_security::confusable_detection::skeleton;

use super::input::Counts;
use super::remarks::Remarks;
use super::report::RemarkCode;

/// Groups of names that a message lists. More are only counted.
const LISTED: usize = 3;

/// Warns about variants and goals whose names look alike.
pub(super) fn warn(counts: &Counts, remarks: &mut Remarks) {
    let variants = counts.variants.iter().map(|variant| variant.name.as_str());
    let goals = counts.goals.iter().map(|goal| goal.name.as_str());
    for (what, groups) in [("variants", groups(variants)), ("goals", groups(goals))] {
        if groups.is_empty() {
            continue;
        }
        let shown = |names: &Vec<&str>| {
            let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            names.join(" and ")
        };
        let mut listed: Vec<String> = groups.iter().take(LISTED).map(shown).collect();
        if groups.len() > LISTED {
            listed.push(format!("{} more", groups.len() - LISTED));
        }
        let message = format!(
            "Names of {what} look alike but are counted separately: {}. If one is wrong, correct your page and prune it.",
            listed.join("; ")
        );
        remarks.warn(RemarkCode::NamesLookAlike, message);
    }
}

/// The names that look like another one, in groups.
fn groups<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Vec<&'a str>> {
    let mut groups = BTreeMap::<String, Vec<&str>>::new();
    for name in names {
        groups.entry(look_of(name)).or_default().push(name);
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// A text that is equal for names that look alike: without case, invisible characters and differences in white space, and with
/// one character for all that are easily confused (Unicode Technical Standard 39).
fn look_of(name: &str) -> String {
    let visible: String = name.chars().filter(|&character| !is_invisible(character)).collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    skeleton(&words.join(" ").to_lowercase()).collect()
}

/// Whether a character takes no space in most fonts. Spaces are not among them.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_grouped_and_others_are_not() {
        let same = ["red", "Red", " red", "red ", "re\u{200b}d", "r\u{435}d", "red\u{a0}"];
        for name in same {
            assert_eq!(look_of(name), look_of("red"), "{name:?}");
        }
        assert_eq!(look_of("dark  red"), look_of("dark red"));
        let apart = ["red", "read", "rad", "dark red", "darkred", "red 1", "red 2", "rèd", ""];
        assert!(groups(apart.into_iter()).is_empty());
        assert_eq!(groups(same[..2].iter().copied()), [["red", "Red"]]);
    }
}
