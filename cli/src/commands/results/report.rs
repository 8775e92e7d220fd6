//! A report of one or more experiments. A sentence that several experiments share appears once, at
//! the end.

use std::collections::BTreeSet;

use abtest_stats::analysis::Analysis;
use abtest_stats::words::percent;

use super::view::View;
use crate::terminal::{dim, printable, wrap, yellow};

/// A report that grows by one experiment at a time.
#[derive(Default)]
pub(super) struct Report {
    sections: Vec<Section>,
}

struct Section {
    body: String,
    footer: Footer,
}

/// The sentences below an experiment's tables.
#[derive(Default)]
pub(super) struct Footer {
    sentences: Vec<String>,
    /// The columns that the screen has no room for.
    hidden: BTreeSet<&'static str>,
}

impl Report {
    pub(super) fn add(&mut self, body: String, footer: Footer) {
        self.sections.push(Section { body, footer });
    }

    /// The whole report.
    pub(super) fn text(&self, view: View) -> String {
        let all = || self.sections.iter().flat_map(|section| &section.footer.sentences);
        let is_shared = |sentence: &String| all().filter(|other| *other == sentence).count() > 1;
        let mut shared: Vec<&String> = Vec::new();
        for sentence in all().filter(|sentence| is_shared(sentence)) {
            if !shared.contains(&sentence) {
                shared.push(sentence);
            }
        }
        let mut text = String::new();
        for section in &self.sections {
            if !text.is_empty() {
                text += "\n";
            }
            text += &section.body;
            let own = section.footer.sentences.iter().filter(|sentence| !is_shared(sentence));
            text += &paragraph(own, view);
        }
        let hidden = self.hidden(view);
        text + &paragraph(shared.into_iter().chain(&hidden), view)
    }
}

impl Report {
    /// Names the columns that some table has no room for.
    fn hidden(&self, view: View) -> Option<String> {
        let hidden: BTreeSet<&str> =
            self.sections.iter().flat_map(|section| &section.footer.hidden).copied().collect();
        if hidden.is_empty() {
            return None;
        }
        let names = Vec::from_iter(hidden).join(", ");
        let View { width, whole, .. } = view;
        Some(match view.is_terminal {
            true => format!(
                "This terminal has {width} columns, too few to show: {names}. Widen it, or use {whole}."
            ),
            false => format!(
                "{width} columns are too few to show: {names}. Set the variable COLUMNS to more, or \
                 use {whole}."
            ),
        })
    }
}

fn paragraph<'a>(sentences: impl Iterator<Item = &'a String>, view: View) -> String {
    let mut text = String::new();
    for line in sentences.flat_map(|sentence| wrap(&printable(sentence), view.room())) {
        if text.is_empty() {
            text += "\n";
        }
        text += &format!("  {}\n", dim(&line));
    }
    text
}

impl Footer {
    /// How the numbers were computed. `hidden` names the columns that the screen has no room for.
    pub(super) fn new(
        analysis: &Analysis,
        has_bars: bool,
        hidden: BTreeSet<&'static str>,
        view: View,
    ) -> Self {
        let mut sentences: Vec<String> = Vec::new();
        if analysis.goals.is_empty() {
            return Self { sentences, hidden };
        }
        sentences.extend(analysis.notes.iter().map(|note| note.message.clone()));
        sentences.push(analysis.method_explanation.clone());
        if has_bars {
            let level = percent(analysis.level);
            sentences.push(format!("Bars show each rate's own {level} interval, for one look."));
        }
        let chances = analysis.goals.iter().flat_map(|goal| &goal.against_control);
        let has_chances = chances.into_iter().any(|one| one.chance_to_beat.is_some());
        if view.matrix || (has_chances && !hidden.contains("chance better")) {
            sentences.push(
                "Chances are not corrected for looking or for several comparisons.".to_owned(),
            );
        }
        sentences.extend(counter_share(analysis));
        Self { sentences, hidden }
    }
}

/// How much wider the counters' error makes intervals, where that is worth a sentence.
fn counter_share(analysis: &Analysis) -> Option<String> {
    const WORTH_A_SENTENCE: f64 = 0.005;
    let rates = analysis.goals.iter().flat_map(|goal| &goal.variants).map(|v| v.counter_share);
    let lifts = analysis.goals.iter().flat_map(|goal| &goal.against_control);
    let share = rates.chain(lifts.map(|c| c.counter_share)).flatten().fold(0.0, f64::max);
    (share >= WORTH_A_SENTENCE).then(|| {
        format!("The counters' own error makes up to {} of an interval's width.", percent(share))
    })
}

/// The warnings, except those that repeat the verdict.
pub(super) fn warnings(analysis: &Analysis, view: View) -> String {
    let mut text = String::new();
    let repeats = |message: &String| *message == analysis.verdict.sentence;
    for warning in analysis.warnings.iter().filter(|warning| !repeats(&warning.message)) {
        for (index, line) in wrap(&printable(&warning.message), view.room()).iter().enumerate() {
            let mark = if index == 0 { "! " } else { "  " };
            text += &format!("  {}\n", yellow(&format!("{mark}{line}")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_sentence_and_all_hidden_columns_appear_once_at_the_end() {
        let mut report = Report::default();
        let footer = |own: &str, hidden: &'static str| Footer {
            sentences: vec![own.to_owned(), "Shared.".to_owned()],
            hidden: BTreeSet::from([hidden]),
        };
        report.add("one\n".to_owned(), footer("First.", "method"));
        report.add("two\n".to_owned(), footer("Second.", "bars"));
        let mut view = View { width: 80, is_terminal: true, matrix: false, whole: "--csv" };
        let expected = "one\n\n  First.\n\ntwo\n\n  Second.\n\n  Shared.\n  This terminal has \
                        80 columns, too few to show: bars, method. Widen it, or\n  use --csv.\n";
        assert_eq!(report.text(view), expected);
        view.is_terminal = false;
        let expected = "80 columns are too few to show: bars, method. Set the variable COLUMNS";
        assert!(report.text(view).contains(expected), "{}", report.text(view));
    }
}
