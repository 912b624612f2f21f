//! Bars on both sides of a line: values above the format upwards, values below it downwards, over an index.

use super::frame::{BELOW, Frame};
use super::{Chart, WIDTH};
use crate::report::markup::Svg;
use crate::report::number::{grouped, short};

const HEIGHT: f64 = 170.0;
const TOP: f64 = 12.0;

/// No more bars than this: more are summed in groups.
const MOST_BARS: usize = 180;

/// Counts above and below, entry by entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sided {
    /// Read aloud.
    pub title: String,
    /// What is counted.
    pub count_name: String,
    /// Title of the horizontal axis.
    pub index_name: String,
    /// Values above the format, by index.
    pub high: Vec<u64>,
    /// Values below the format, by index.
    pub low: Vec<u64>,
}

impl Sided {
    /// Draws it.
    pub fn draw(&self) -> Chart {
        let entries = self.high.len().max(self.low.len()).max(1);
        let per_bar = entries.div_ceil(MOST_BARS);
        let sums = |counts: &[u64]| -> Vec<u64> {
            counts.chunks(per_bar).map(|c| c.iter().fold(0, |s: u64, c| s.saturating_add(*c))).collect()
        };
        let (high, low) = (sums(&self.high), sums(&self.low));
        let most = |counts: &[u64]| counts.iter().copied().max().unwrap_or(0) as f64;
        let bottom = TOP + HEIGHT;
        let y = (-most(&low), most(&high).max(if most(&low) == 0.0 { 1.0 } else { 0.0 }));
        let frame = Frame::new((-0.5, entries as f64 - 0.5), y, [TOP, 12.0, bottom]);
        let mut svg = Svg::new(WIDTH, bottom + BELOW, &self.title);
        let ticks = frame.y.ticks(5, 1.0).0.into_iter();
        let ticks: Vec<(f64, String)> = ticks.map(|t| (t, short(t.abs() as u64))).collect();
        frame.vertical(&mut svg, &ticks, &self.count_name);
        let wide = (frame.x.to - frame.x.from) / entries as f64 * per_bar as f64;
        let gap = if wide > 5.0 { 1.0 } else { 0.0 };
        let bars =
            high.iter().map(|c| (1.0, *c)).enumerate().chain(low.iter().map(|c| (-1.0, *c)).enumerate());
        for (at, (side, count)) in bars.filter(|(_, (_, count))| *count > 0) {
            let (a, b) = (frame.y.at(0.0), frame.y.at(side * count as f64));
            let x = frame.x.from + wide * at as f64;
            // The last group may be smaller than the others.
            let wide = wide.min(frame.x.to - x);
            let (class, word) = if side > 0.0 { ("high", "high") } else { ("low", "low") };
            let tip = format!("{} {}: {} {word}", self.index_name, at * per_bar, grouped(count));
            svg.rect(class, [x, a.min(b), wide - gap, (a - b).abs().max(1.0)], &tip);
        }
        svg.line("axis-line", (frame.x.from, frame.y.at(0.0)), (frame.x.to, frame.y.at(0.0)));
        let title = match per_bar {
            1 => self.index_name.clone(),
            _ => format!("{}, {per_bar} to a bar", self.index_name),
        };
        frame.horizontal(&mut svg, &title);
        Chart::new(svg).explain("high", "above the format").explain("low", "below the format")
    }
}
