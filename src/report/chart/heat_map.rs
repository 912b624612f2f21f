//! A grid of counts, its colours on a logarithmic scale.

use super::{Chart, WIDTH};
use crate::report::markup::Svg;
use crate::report::number::{grouped, short};

/// No more cells than this on either axis: more are summed in groups.
const MOST_ROWS: usize = 48;
const MOST_COLUMNS: usize = 96;

/// Colours, without the one for none.
const LEVELS: u32 = 6;

const LEFT: f64 = 72.0;
const TOP: f64 = 8.0;

/// Counts of a grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeatMap {
    /// Read aloud.
    pub title: String,
    /// What is counted.
    pub unit: String,
    /// Name of the vertical axis.
    pub row_name: String,
    /// Name of the horizontal axis.
    pub column_name: String,
    /// Number of rows and columns; no dimension is 0.
    pub shape: (usize, usize),
    /// Numbers of the first row and column.
    pub first: (usize, usize),
    /// Row-major; what is missing is 0.
    pub counts: Vec<u64>,
}

/// The grid as it is drawn: every cell the sum of `rows` × `columns` of the original.
struct Grid {
    shape: (usize, usize),
    per_cell: (usize, usize),
    counts: Vec<u64>,
}

impl HeatMap {
    /// Draws it.
    pub fn draw(&self) -> Chart {
        let grid = self.grid();
        let (rows, columns) = grid.shape;
        let wide = ((WIDTH - LEFT - 12.0) / columns as f64).min(34.0);
        let high = wide.min(if rows > 24 { 10.0 } else { 26.0 }).max(5.0);
        let (right, bottom) = (LEFT + wide * columns as f64, TOP + high * rows as f64);
        let mut svg = Svg::new(WIDTH, bottom + 44.0, &self.title);
        let most = grid.counts.iter().copied().max().unwrap_or(0);
        let place = |row: usize, column: usize| (LEFT + wide * column as f64, TOP + high * row as f64);
        svg.rect("empty", [LEFT, TOP, right - LEFT, bottom - TOP], "");
        for level in 1..=LEVELS {
            let mut data = String::new();
            for (at, _) in grid.counts.iter().enumerate().filter(|(_, c)| level_of(**c, most) == level) {
                let (x, y) = place(at / columns, at % columns);
                data.push_str(&format!("M{x:.1} {y:.1}h{wide:.1}v{high:.1}h-{wide:.1}Z"));
            }
            if !data.is_empty() {
                svg.path(&format!("heat{level}"), &data, "");
            }
        }
        if wide >= 27.0 && high >= 15.0 {
            for (at, count) in grid.counts.iter().enumerate().filter(|(_, c)| **c > 0) {
                let (x, y) = place(at / columns, at % columns);
                let class = if level_of(*count, most) > 4 { "cell middle strong" } else { "cell middle" };
                svg.text(class, (x + wide / 2.0, y + high / 2.0 + 4.0), &short(*count));
            }
        }
        self.axes(&mut svg, &grid, (wide, high), (right, bottom));
        self.legend(Chart::new(svg), most)
    }

    fn grid(&self) -> Grid {
        let (rows, columns) = self.shape;
        let per_cell = (rows.div_ceil(MOST_ROWS).max(1), columns.div_ceil(MOST_COLUMNS).max(1));
        let shape = (rows.div_ceil(per_cell.0).max(1), columns.div_ceil(per_cell.1).max(1));
        let mut counts = vec![0_u64; shape.0 * shape.1];
        for (at, count) in self.counts.iter().enumerate().take(rows * columns) {
            let cell = &mut counts[at / columns / per_cell.0 * shape.1 + at % columns / per_cell.1];
            *cell = cell.saturating_add(*count);
        }
        Grid { shape, per_cell, counts }
    }

    /// Labels at both axes, no closer than they can be read.
    fn axes(&self, svg: &mut Svg, grid: &Grid, (wide, high): (f64, f64), (right, bottom): (f64, f64)) {
        let every = |size: f64, least: f64| {
            [1, 2, 4, 8, 16, 32].into_iter().find(|n| size * f64::from(*n) >= least).unwrap_or(64)
        };
        let (rows, columns) = grid.shape;
        for row in (0..rows).step_by(every(high, 13.0) as usize) {
            let y = TOP + high * (row as f64 + 0.5) + 4.0;
            svg.text("tick end", (LEFT - 6.0, y), &(self.first.0 + row * grid.per_cell.0).to_string());
        }
        for column in (0..columns).step_by(every(wide, 30.0) as usize) {
            let x = LEFT + wide * (column as f64 + 0.5);
            svg.text(
                "tick middle",
                (x, bottom + 14.0),
                &(self.first.1 + column * grid.per_cell.1).to_string(),
            );
        }
        let title = |name: &str, per: usize| match per {
            1 => name.to_string(),
            _ => format!("{name}, {per} to a cell"),
        };
        let middle = (LEFT + right) / 2.0;
        let column_title = title(&self.column_name, grid.per_cell.1);
        // A narrow grid's title would stick out at the left.
        let class = if right - LEFT < 200.0 { "axis" } else { "axis middle" };
        let at = if right - LEFT < 200.0 { LEFT } else { middle };
        svg.text(class, (at, bottom + 34.0), &column_title);
        let row_title = title(&self.row_name, grid.per_cell.0);
        if bottom - TOP < 90.0 {
            svg.text("axis end", (LEFT - 12.0, bottom + 34.0), &row_title);
        } else {
            svg.upward("axis middle", (12.0, (TOP + bottom) / 2.0), &row_title);
        }
    }

    fn legend(&self, mut chart: Chart, most: u64) -> Chart {
        chart = chart.explain("empty", &format!("no {}", self.unit));
        for level in 1..=LEVELS {
            let (low, high) = (lowest(level, most), lowest(level + 1, most).saturating_sub(1).min(most));
            if low > high || level_of(low, most) != level {
                continue;
            }
            let text =
                if low == high { grouped(low) } else { format!("{} to {}", grouped(low), grouped(high)) };
            chart = chart.explain(&format!("heat{level}"), &text);
        }
        chart
    }
}

fn bits(count: u64) -> u32 {
    u64::BITS - count.leading_zeros()
}

/// 0 for none, else 1..=LEVELS by the number's length in bits, so that it is the same on every machine.
fn level_of(count: u64, most: u64) -> u32 {
    if count == 0 { 0 } else { (bits(count) * LEVELS).div_ceil(bits(most).max(1)).clamp(1, LEVELS) }
}

/// Smallest count of a level.
fn lowest(level: u32, most: u64) -> u64 {
    let length = bits(most) * (level - 1) / LEVELS;
    1_u64.checked_shl(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_their_ranges_agree() {
        for most in [1, 2, 9, 100, 65_535, 1 << 40, u64::MAX] {
            for count in
                (0..200).chain([most / 3, most / 2, most - 1, most]).filter(|c| (1..=most).contains(c))
            {
                let level = level_of(count, most);
                assert!((1..=LEVELS).contains(&level));
                assert!(lowest(level, most) <= count, "{count} of {most}");
                assert!(count < lowest(level + 1, most) || level == LEVELS, "{count} of {most}");
            }
        }
    }

    #[test]
    fn a_large_grid_is_summed_and_nothing_is_lost() {
        let counts: Vec<u64> = (0..100 * 1000).collect();
        let map = HeatMap {
            title: String::new(),
            unit: "overflows".into(),
            row_name: "channel".into(),
            column_name: "k".into(),
            shape: (100, 1000),
            first: (0, 0),
            counts: counts.clone(),
        };
        let grid = map.grid();
        assert_eq!((grid.shape, grid.per_cell), ((34, 91), (3, 11)));
        assert_eq!(grid.counts.iter().sum::<u64>(), counts.iter().sum::<u64>());
        assert_eq!(grid.counts[1], (0..3).flat_map(|m| (11..22).map(move |k| m * 1000 + k)).sum::<u64>());
    }
}
