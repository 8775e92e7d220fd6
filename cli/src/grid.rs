//! Aligned columns under their heads.

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Padding, Style};

use crate::terminal::{bold, columns, dim};

/// Spaces before each column.
pub(crate) const GAP: usize = 2;

/// A column's head and cells.
pub(crate) struct Column {
    pub(crate) head: String,
    pub(crate) cells: Vec<String>,
    /// Whether the cells are aligned to the right.
    pub(crate) right: bool,
}

impl Column {
    /// Its width on the screen, including the gap before it.
    pub(crate) fn width(&self) -> usize {
        let cells = self.cells.iter().chain([&self.head]);
        GAP + cells.map(|cell| columns(cell)).max().unwrap_or(0)
    }
}

/// The heads, and a line for each row.
pub(crate) fn lines(grid: &[&Column]) -> String {
    let mut builder = Builder::default();
    for (index, column) in grid.iter().enumerate() {
        let head = if index == 0 { bold(&column.head) } else { dim(&column.head) };
        builder.push_column(std::iter::once(&head).chain(&column.cells));
    }
    let mut table = builder.build();
    table.with(Style::empty()).with(Padding::new(GAP, 0, 0, 0));
    for (index, _) in grid.iter().enumerate().filter(|(_, column)| column.right) {
        table.modify(Columns::one(index), Alignment::right());
    }
    table.to_string().lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}
