//! Every variant compared with every other one on one goal.

use abtest_stats::analysis::GoalAnalysis;

use super::figures;
use super::view::{View, short_name};
use crate::grid::{self, Column};
use crate::terminal::{dim, printable, wrap};

const MEANING: &str =
    "Each cell: the row's lift over the column, and the chance that the row is better.";

/// The matrix for a screen. Columns that do not fit go below.
pub(super) fn matrix(goal: &GoalAnalysis, view: View) -> String {
    let name = |index: usize| short_name(&goal.variants[index].variant);
    let all = 0..goal.variants.len();
    let names = Column {
        head: short_name(&goal.goal),
        cells: all.clone().map(name).collect(),
        right: false,
    };
    let against = |column: usize| Column {
        head: name(column),
        cells: all.clone().map(|row| cell(goal, row, column)).collect(),
        right: true,
    };
    let against: Vec<Column> = all.clone().map(against).collect();
    let mut text = String::new();
    let mut left = &against[..];
    while !left.is_empty() {
        let (block, rest) = left.split_at(fitting(left, view.width.saturating_sub(names.width())));
        let block: Vec<&Column> = std::iter::once(&names).chain(block).collect();
        text += &grid::lines(&block);
        left = rest;
    }
    let sentences = [MEANING].into_iter().chain(goal.matrix.reason.as_deref());
    for line in sentences.flat_map(|sentence| wrap(&printable(sentence), view.room())) {
        text += &format!("  {}\n", dim(&line));
    }
    text
}

fn cell(goal: &GoalAnalysis, row: usize, column: usize) -> String {
    let at = |square: &[Vec<Option<f64>>]| square.get(row).and_then(|row| *row.get(column)?);
    let chances = goal.matrix.chance_to_beat.as_deref();
    match (at(&goal.matrix.lift), chances.and_then(at)) {
        (None, None) => figures::NOTHING.to_owned(),
        (lift, chance) => format!("{} {:>6}", figures::lift(lift), figures::chance(chance)),
    }
}

/// How many of the columns fit beside each other: at least one.
fn fitting(columns: &[Column], room: usize) -> usize {
    let mut taken = 0;
    let fits = columns.iter().take_while(|column| {
        taken += column.width();
        taken <= room
    });
    fits.count().max(1)
}
