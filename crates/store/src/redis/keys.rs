//! Gimel's keys, and how any name is put into them and comes back.
//!
//! | key | type | holds |
//! |---|---|---|
//! | `NS:experiments` | set | experiments |
//! | `NS:counter_keys` | set | every counter of the namespace |
//! | `NS:EXP:counter_keys` | set | the counters of one experiment |
//! | `NS:counters:EXP:GOAL:VARIANT` | HyperLogLog | the uuids seen |
//! | `abtest:namespaces` | set | namespaces (ours: Gimel has no such list) |
//! | `abtest:days:COUNTER` | hash | by UTC day, the counter's estimate when it began (ours) |
//! | `abtest:allocations:COUNTER` | hash | by allocation, how much it added to the estimate (ours) |
//!
//! Gimel does not escape names, so a colon makes a key ambiguous. abtest escapes each part: `:`
//! becomes `%3A`, and `%` becomes `%25` where it would otherwise read as one of these two escapes.
//! So every key splits uniquely. A name that needs no escape, such as "50% off", has the same key
//! as in Gimel, and both count into one counter.
//!
//! Reading accepts every spelling of a name: Gimel's raw spelling of an experiment with a colon
//! and the escaped one are one experiment, and PFCOUNT counts their counters together.

use std::borrow::Cow;

use abtest_model::{Experiment, Goal, Namespace, Variant};

/// The set of all namespaces that abtest has recorded.
pub(super) const NAMESPACES: &str = "abtest:namespaces";

/// A namespace's part of every key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NamespaceKeys(String);

impl NamespaceKeys {
    pub(super) fn new(namespace: &Namespace) -> Self {
        Self(escape(namespace.as_str()).into_owned())
    }

    /// The namespace as a member of the registry.
    pub(super) fn member(&self) -> &str {
        &self.0
    }

    pub(super) fn experiments(&self) -> String {
        format!("{}:experiments", self.0)
    }

    pub(super) fn counters(&self) -> String {
        format!("{}:counter_keys", self.0)
    }

    pub(super) fn experiment_counters(&self, member: &str) -> String {
        format!("{}:{member}:counter_keys", self.0)
    }

    pub(super) fn counter(&self, member: &str, goal: &Goal, variant: &Variant) -> String {
        let goal = escape(goal.as_str());
        let variant = escape(variant.as_str());
        format!("{}:counters:{member}:{goal}:{variant}", self.0)
    }

    /// The key of a counter's estimates at the beginning of each day.
    pub(super) fn days(counter: &str) -> String {
        format!("abtest:days:{counter}")
    }

    /// The key of what each allocation added to a counter's estimate.
    pub(super) fn allocations(counter: &str) -> String {
        format!("abtest:allocations:{counter}")
    }

    /// Reads goal and variant from a counter's key that is in the set of `member`.
    pub(super) fn read(&self, member: &str, key: &str) -> Counter {
        let names = key
            .strip_prefix(&*self.0)
            .and_then(|rest| rest.strip_prefix(":counters:"))
            .and_then(|rest| rest.strip_prefix(member))
            .and_then(|rest| rest.strip_prefix(':'));
        let Some(names) = names else { return Counter::Foreign };
        let mut readings: Vec<_> = names
            .match_indices(':')
            .filter_map(|(colon, _)| {
                let goal = Goal::new(unescape(&names[..colon]).into_owned()).ok()?;
                let variant = Variant::new(unescape(&names[colon + 1..]).into_owned()).ok()?;
                Some((goal, variant))
            })
            .collect();
        match readings.len() {
            0 => Counter::Foreign,
            1 => Counter::Known(readings.remove(0)),
            _ => Counter::Ambiguous(readings),
        }
    }
}

/// What a counter's key says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Counter {
    /// A goal and a variant.
    Known((Goal, Variant)),
    /// Gimel wrote it with colons in goal or variant: every way to split it.
    Ambiguous(Vec<(Goal, Variant)>),
    /// Not a counter of this experiment, or its names break the rule.
    Foreign,
}

/// The spelling of an experiment that abtest writes into the sets.
pub(super) fn member(experiment: &Experiment) -> Cow<'_, str> {
    escape(experiment.as_str())
}

/// Every spelling under which the sets may hold an experiment: abtest's first, then Gimel's raw
/// one and one with every `%` escaped, as far as they read back as the same name.
pub(super) fn members(experiment: &Experiment) -> Vec<String> {
    let name = experiment.as_str();
    let ours = escape(name);
    let others = [name.to_owned(), name.replace('%', "%25").replace(':', "%3A")];
    let mut members = vec![ours.into_owned()];
    for other in others {
        if unescape(&other) == name && !members.contains(&other) {
            members.push(other);
        }
    }
    members
}

/// The experiment that a member of a set names. `None` if it breaks the rule of names, which Gimel
/// does not check.
pub(super) fn experiment(member: &str) -> Option<Experiment> {
    Experiment::new(unescape(member).into_owned()).ok()
}

/// The namespace that a member of a registry names. `None` if it breaks the rule of names.
pub(super) fn namespace(member: &str) -> Option<Namespace> {
    Namespace::new(unescape(member).into_owned()).ok()
}

const COLON: &str = "%3A";
const PERCENT: &str = "%25";

pub(super) fn escape(name: &str) -> Cow<'_, str> {
    if !name.contains(':') && !name.contains(COLON) && !name.contains(PERCENT) {
        return Cow::Borrowed(name);
    }
    let mut escaped = String::with_capacity(name.len() + 8);
    for (position, character) in name.char_indices() {
        let rest = &name[position..];
        match character {
            ':' => escaped.push_str(COLON),
            '%' if rest.starts_with(COLON) || rest.starts_with(PERCENT) => {
                escaped.push_str(PERCENT);
            }
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

pub(super) fn unescape(part: &str) -> Cow<'_, str> {
    if !part.contains('%') {
        return Cow::Borrowed(part);
    }
    let mut name = String::with_capacity(part.len());
    let mut rest = part;
    while let Some(percent) = rest.find('%') {
        let (before, escape) = rest.split_at(percent);
        name.push_str(before);
        let (character, length) = if escape.starts_with(COLON) {
            (':', COLON.len())
        } else if escape.starts_with(PERCENT) {
            ('%', PERCENT.len())
        } else {
            ('%', 1)
        };
        name.push(character);
        rest = &escape[length..];
    }
    name.push_str(rest);
    Cow::Owned(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys() -> NamespaceKeys {
        NamespaceKeys::new(&Namespace::default())
    }

    fn names(goal: &str, variant: &str) -> (Goal, Variant) {
        (Goal::new(goal).unwrap(), Variant::new(variant).unwrap())
    }

    #[test]
    fn names_without_colons_have_the_keys_that_gimel_gives_them() {
        let (goal, variant) = names("100%", "naïve 50% off");
        assert_eq!(
            keys().counter(&member(&Experiment::new("a/b %41").unwrap()), &goal, &variant),
            "alephbet:counters:a/b %41:100%:naïve 50% off"
        );
    }

    #[test]
    fn a_colon_and_what_looks_like_an_escape_are_escaped() {
        for (name, escaped) in [(":", "%3A"), ("%3A", "%253A"), ("%25", "%2525"), ("%:", "%%3A")] {
            assert_eq!(escape(name), escaped);
            assert_eq!(unescape(escaped), name);
        }
    }

    #[test]
    fn an_experiment_with_a_colon_is_found_in_gimels_form_too() {
        assert_eq!(members(&Experiment::new("a:b").unwrap()), ["a%3Ab", "a:b"]);
        assert_eq!(members(&Experiment::new("50%").unwrap()), ["50%", "50%25"]);
        assert_eq!(members(&Experiment::new("a%25").unwrap()), ["a%2525"]);
        assert_eq!(
            keys().read("a:b", "alephbet:counters:a:b:signup:red"),
            Counter::Known(names("signup", "red"))
        );
    }

    #[test]
    fn a_key_with_colons_that_can_be_split_in_two_ways_is_ambiguous() {
        assert_eq!(
            keys().read("a", "alephbet:counters:a:x:y:z"),
            Counter::Ambiguous(vec![names("x", "y:z"), names("x:y", "z")])
        );
        assert_eq!(keys().read("a", "alephbet:counters:b:x:y"), Counter::Foreign);
    }

    proptest! {
        #[test]
        fn any_names_come_back_from_their_key(
            experiment in "[a:%235A é]{1,12}", goal in "[a:%235A]{1,12}", variant in "[a:%235A]{1,12}",
        ) {
            let experiment = Experiment::new(experiment).unwrap();
            let (goal, variant) = names(&goal, &variant);
            let key = keys().counter(&member(&experiment), &goal, &variant);
            prop_assert_eq!(super::experiment(&member(&experiment)), Some(experiment.clone()));
            prop_assert_eq!(
                keys().read(&member(&experiment), &key),
                Counter::Known((goal, variant))
            );
        }
    }
}
