//! One table, two renderings: columns of text for a terminal, HTML for a page.

use super::Markup;
use super::markup::escape;
use super::number::{grouped, real};
use crate::error::visible;

/// One value of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words or a name.
    Text(String),
    /// An exact number.
    Integer(i128),
    /// A measured number, with the decimals that mean something.
    Real(f64, usize),
    /// Not known or not applicable: a dash.
    Missing,
}

impl Cell {
    fn is_number(&self) -> bool {
        matches!(self, Cell::Integer(_) | Cell::Real(..))
    }

    fn page(&self) -> String {
        match self {
            Cell::Text(text) => escape(text),
            Cell::Integer(value) => grouped(*value),
            Cell::Real(value, decimals) => real(*value, *decimals),
            Cell::Missing => "–".to_string(),
        }
    }

    /// Plain digits, so that other programs can read them.
    fn terminal(&self) -> String {
        match self {
            Cell::Text(text) => text.chars().map(visible).collect(),
            Cell::Integer(value) => value.to_string(),
            Cell::Real(value, _) if value.is_infinite() => if *value > 0.0 { "inf" } else { "-inf" }.into(),
            Cell::Real(value, decimals) => real(*value, *decimals).replace('\u{2212}', "-"),
            Cell::Missing => "-".to_string(),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_string())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::Text(text)
    }
}

macro_rules! integers {
    ($($from:ty),*) => {
        $(impl From<$from> for Cell {
            fn from(value: $from) -> Cell {
                Cell::Integer(value.into())
            }
        })*
    };
}
integers!(u32, u64, i64, i128);

impl From<usize> for Cell {
    fn from(value: usize) -> Cell {
        Cell::Integer(i128::try_from(value).unwrap_or(i128::MAX))
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Cell {
        value.map_or(Cell::Missing, Into::into)
    }
}

/// A column's heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// What stands below.
    pub name: String,
    /// Its unit; empty where there is none.
    pub unit: String,
}

/// A table: a cell for every column in every row.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Read aloud in front of the table; pages show it, terminals do not.
    pub title: String,
    /// Headings, left to right.
    pub columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table; each column is a name and a unit.
    pub fn new(title: &str, columns: &[(&str, &str)]) -> Table {
        let column = |(name, unit): &(&str, &str)| Column { name: name.to_string(), unit: unit.to_string() };
        Table { title: title.to_string(), columns: columns.iter().map(column).collect(), rows: Vec::new() }
    }

    /// Appends a row. Cells without a column are dropped, columns without a cell are missing.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let mut row: Vec<Cell> = cells.into_iter().take(self.columns.len()).collect();
        row.resize(self.columns.len(), Cell::Missing);
        self.rows.push(row);
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Numbers stand at the right, so that digits of one weight stand below each other.
    fn is_numeric(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().map(|row| &row[column]).filter(|c| **c != Cell::Missing).peekable();
        cells.peek().is_some() && cells.all(Cell::is_number)
    }

    /// Lines for a terminal: headings, then rows, two spaces between columns.
    pub fn text(&self) -> String {
        let heading = |c: &Column| match c.unit.as_str() {
            "" => c.name.clone(),
            unit => format!("{} [{unit}]", c.name),
        };
        let mut lines = vec![self.columns.iter().map(heading).collect::<Vec<_>>()];
        lines.extend(self.rows.iter().map(|row| row.iter().map(Cell::terminal).collect()));
        let numeric: Vec<bool> = (0..self.columns.len()).map(|c| self.is_numeric(c)).collect();
        let width = |c: usize| lines.iter().map(|line| line[c].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut text = String::new();
        for line in &lines {
            let padded = line.iter().enumerate().map(|(c, cell)| {
                let w = widths[c];
                if numeric[c] { format!("{cell:>w$}") } else { format!("{cell:<w$}") }
            });
            text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }

    /// The table of a page, with its title as caption.
    pub fn html(&self) -> Markup {
        let mut html = Markup::default();
        let title = escape(&self.title);
        html.raw(format_args!("<table>\n<caption>{title}</caption>\n<thead><tr>"));
        let classes: Vec<&str> =
            (0..self.columns.len()).map(|c| if self.is_numeric(c) { " class=\"n\"" } else { "" }).collect();
        for (column, class) in self.columns.iter().zip(&classes) {
            let name = escape(&column.name);
            html.raw(format_args!("<th scope=\"col\"{class}>{name}"));
            if !column.unit.is_empty() {
                html.raw(format_args!(" <span class=\"unit\">{}</span>", escape(&column.unit)));
            }
            html.raw(format_args!("</th>"));
        }
        html.raw(format_args!("</tr></thead>\n<tbody>\n"));
        for row in &self.rows {
            html.raw(format_args!("<tr>"));
            for (cell, class) in row.iter().zip(&classes) {
                html.raw(format_args!("<td{class}>{}</td>", cell.page()));
            }
            html.raw(format_args!("</tr>\n"));
        }
        html.raw(format_args!("</tbody>\n</table>\n"));
        html
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Table {
        let mut table = Table::new("Layers", &[("layer", ""), ("width", "bits"), ("SQNR", "dB")]);
        table.row([Cell::from("conv1"), Cell::from(16_u32), Cell::Real(-3.25, 1)]);
        table.row([Cell::from("<b>\n"), Cell::from(12_345_u64), Cell::Real(f64::INFINITY, 1)]);
        table.row([Cell::from("fc")]);
        table
    }

    #[test]
    fn a_terminal_gets_aligned_columns_and_plain_digits() {
        let expected = "layer     width [bits]  SQNR [dB]\n\
                        conv1               16       -3.2\n\
                        <b>\\u{a}         12345        inf\n\
                        fc                   -          -\n";
        assert_eq!(example().text(), expected);
    }

    #[test]
    fn a_page_gets_escaped_names_and_grouped_digits() {
        let html = example().html();
        assert!(html.as_str().contains("<td>&lt;b&gt;\\u{a}</td><td class=\"n\">12\u{202f}345</td>"));
        assert!(html.as_str().contains("<td>fc</td><td class=\"n\">–</td>"));
    }
}
