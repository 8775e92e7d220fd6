//! What an attack found, and the table of all outcomes.

use std::fmt::Write as _;

/// What an attack found.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// How many times it attacked.
    pub(crate) rounds: u64,
    /// Events that were acknowledged. `None` where the attack sends no events.
    pub(crate) acknowledged: Option<u64>,
    /// Acknowledged events that are not counted.
    pub(crate) lost: u64,
    /// Events that are counted more than once.
    pub(crate) double: u64,
    /// Rounds that ended in another way than they must, in words. Each fails the attack.
    pub(crate) wrong: Vec<String>,
    /// What else the table says, such as a time. It decides nothing.
    pub(crate) remark: Option<String>,
}

impl Outcome {
    /// The outcome of an attack that sends no events.
    #[allow(dead_code)] // for attacks on sockets and requests
    pub(crate) fn without_events(rounds: u64, wrong: Vec<String>) -> Self {
        Self { rounds, wrong, ..Self::default() }
    }

    /// An error if something was lost, doubled, or wrong.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        if self.lost == 0 && self.double == 0 && self.wrong.is_empty() {
            return Ok(());
        }
        let Self { rounds, lost, double, wrong, .. } = self;
        Err(format!("{rounds} rounds: {lost} lost, {double} double; {}", wrong.join("; ")))
    }
}

/// The outcomes of all attacks.
#[derive(Default)]
pub(crate) struct Table(Vec<(&'static str, Outcome)>);

impl Table {
    pub(crate) fn add(&mut self, name: &'static str, outcome: Outcome) {
        self.0.push((name, outcome));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The table in Markdown.
    pub(crate) fn in_order_of(&self, names: &[&str]) -> String {
        let mut text =
            "| attack | rounds | acknowledged | lost | double | otherwise wrong |\n".to_owned();
        text.push_str("|---|---|---|---|---|---|\n");
        for name in names {
            let Some((_, outcome)) = self.0.iter().find(|(found, _)| found == name) else {
                continue;
            };
            let Outcome { rounds, acknowledged, lost, double, wrong, remark } = outcome;
            let wrong = wrong.len();
            let remark = remark.as_ref().map_or_else(String::new, |remark| format!(" ({remark})"));
            // Attacks without events have nothing to lose.
            let (acknowledged, lost, double) = match acknowledged {
                Some(acknowledged) => {
                    (acknowledged.to_string(), lost.to_string(), double.to_string())
                }
                None => ("–".into(), "–".into(), "–".into()),
            };
            let _ = writeln!(
                text,
                "| {name}{remark} | {rounds} | {acknowledged} | {lost} | {double} | {wrong} |"
            );
        }
        text
    }
}
