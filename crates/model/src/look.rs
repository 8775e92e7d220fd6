//! A look at a running experiment, remembered so that what is decided later still holds.

use serde::{Deserialize, Serialize};

/// What was there when somebody looked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Participants of all variants together.
    pub participants: u64,
    /// Participants of all variants together at which the experiment is planned to end.
    pub planned: u64,
    /// The variant that the others were compared with.
    pub control: String,
    /// How far each was from it on each goal, where it was not too early to say.
    pub statistics: Vec<Statistic>,
}

/// A comparison's statistic at a look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistic {
    /// The goal.
    pub goal: String,
    /// The variant that was compared with the control.
    pub variant: String,
    /// The log ratio of the rates in standard errors.
    pub z: f64,
    /// That standard error.
    pub standard_error: f64,
}

/// The looks in their order: a look at as many participants as another is that look again.
pub fn in_order(looks: impl IntoIterator<Item = Look>) -> Vec<Look> {
    let mut ordered: Vec<Look> = Vec::new();
    for look in looks {
        match ordered.binary_search_by_key(&look.participants, |known| known.participants) {
            Ok(_) => {}
            Err(place) => ordered.insert(place, look),
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_one_however_often_it_is_told_and_the_first_word_counts() {
        let look = |participants, planned| Look {
            participants,
            planned,
            control: "a".to_owned(),
            statistics: Vec::new(),
        };
        let ordered = in_order([look(20, 1), look(10, 2), look(20, 3)]);
        assert_eq!(ordered, [look(10, 2), look(20, 1)]);
    }
}
