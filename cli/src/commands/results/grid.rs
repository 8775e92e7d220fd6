//! Columns that stand under their heads.

use crate::terminal::{bold, columns, dim};

/// Columns of a row, after the margin and between each other.
const GAP: usize = 2;

/// A column's head and cells, and on which side they stand.
pub(super) struct Column {
    pub(super) head: String,
    pub(super) cells: Vec<String>,
    pub(super) right: bool,
}

impl Column {
    /// How many columns of the screen it takes, its gap included.
    pub(super) fn width(&self) -> usize {
        let cells = self.cells.iter().chain([&self.head]);
        GAP + cells.map(|cell| columns(cell)).max().unwrap_or(0)
    }
}

/// The heads, and a line for each row.
pub(super) fn lines(grid: &[&Column]) -> String {
    let widths: Vec<usize> = grid.iter().map(|column| column.width()).collect();
    let heads: Vec<&str> = grid.iter().map(|column| &*column.head).collect();
    let mut text = row(grid, &widths, &heads, true);
    let rows = grid.iter().map(|column| column.cells.len()).min().unwrap_or(0);
    for index in 0..rows {
        let cells: Vec<&str> = grid.iter().map(|column| &*column.cells[index]).collect();
        text += &row(grid, &widths, &cells, false);
    }
    text
}

fn row(grid: &[&Column], widths: &[usize], cells: &[&str], is_head: bool) -> String {
    let mut line = String::new();
    for (index, ((column, width), cell)) in grid.iter().zip(widths).zip(cells).enumerate() {
        let padding = " ".repeat(width.saturating_sub(GAP + columns(cell)));
        let styled = match (is_head, index) {
            (true, 0) => bold(cell),
            (true, _) => dim(cell),
            (false, _) => (*cell).to_owned(),
        };
        let placed = if column.right { padding + &styled } else { styled + &padding };
        line += &" ".repeat(GAP);
        line += &placed;
    }
    line.trim_end().to_owned() + "\n"
}
