//! Horizontal bars of parts: what became of the outputs of each layer.

use super::{Chart, WIDTH};
use crate::report::markup::Svg;
use crate::report::number::grouped;

const ROW: f64 = 26.0;
const NAME: f64 = 168.0;
const RIGHT: f64 = 92.0;

/// A part that is there is seen, however small.
const LEAST: f64 = 3.0;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// The layer.
    pub name: String,
    /// One count per part.
    pub counts: Vec<u64>,
}

/// Shares of several parts; each row fills the width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stacked {
    /// Read aloud.
    pub title: String,
    /// What is counted.
    pub unit: String,
    /// Class of the style sheet and meaning of each part.
    pub parts: Vec<(&'static str, String)>,
    /// From the network's input to its output.
    pub bars: Vec<Bar>,
}

impl Stacked {
    /// Draws it.
    pub fn draw(&self) -> Chart {
        let mut svg = Svg::new(WIDTH, 22.0 + ROW * self.bars.len() as f64, &self.title);
        svg.text("axis", (WIDTH - RIGHT + 12.0, 13.0), &self.unit);
        for (at, bar) in self.bars.iter().enumerate() {
            self.row(&mut svg, 18.0 + ROW * at as f64, bar);
        }
        self.parts.iter().fold(Chart::new(svg), |chart, (class, meaning)| chart.explain(class, meaning))
    }

    fn row(&self, svg: &mut Svg, top: f64, bar: &Bar) {
        svg.name("label", (0.0, top + 17.0), &bar.name, NAME - 8.0);
        let total: u64 = bar.counts.iter().fold(0, |sum, c| sum.saturating_add(*c));
        svg.text("label", (WIDTH - RIGHT + 12.0, top + 17.0), &grouped(total));
        let there = bar.counts.iter().filter(|c| **c > 0).count();
        let free = WIDTH - NAME - RIGHT - LEAST * there as f64;
        let mut x = NAME;
        for ((class, meaning), count) in self.parts.iter().zip(&bar.counts).filter(|(_, count)| **count > 0) {
            let wide = LEAST + free * *count as f64 / total as f64;
            let tip = format!("{}: {} {meaning}", bar.name, grouped(*count));
            svg.rect(class, [x, top + 4.0, wide, ROW - 8.0], &tip);
            x += wide;
        }
    }
}
