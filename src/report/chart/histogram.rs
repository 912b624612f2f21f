//! Vertical bars on a logarithmic scale: how many outputs overflow at each accumulator width.

use super::frame::{BELOW, Frame};
use super::{Chart, WIDTH};
use crate::report::markup::Svg;
use crate::report::number::{grouped, short};

const HEIGHT: f64 = 200.0;
const MARK_ROW: f64 = 16.0;

/// A width worth pointing at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// In bits.
    pub width: u32,
    /// What it is, in a few words.
    pub label: String,
}

/// Counts per width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    /// Read aloud.
    pub title: String,
    /// What is counted, with its unit.
    pub count_name: String,
    /// Width in bits and count, ascending.
    pub bins: Vec<(u32, u64)>,
    /// Widths worth pointing at, at most a few.
    pub marks: Vec<Mark>,
}

impl Histogram {
    /// Draws it.
    pub fn draw(&self) -> Chart {
        let widths = self.bins.iter().map(|b| b.0).chain(self.marks.iter().map(|m| m.width));
        let (low, high) = widths.fold((u32::MAX, 0), |(l, h), w| (l.min(w), h.max(w)));
        let most = self.bins.iter().map(|b| b.1).max().unwrap_or(0);
        let top = 10.0 + MARK_ROW * self.marks.len() as f64;
        let bottom = top + HEIGHT;
        let x = (f64::from(low.min(high)) - 0.6, f64::from(high) + 0.6);
        let frame = Frame::new(x, (0.0, height(most.max(10))), [top, 12.0, bottom]);
        let mut svg = Svg::new(WIDTH, bottom + BELOW, &self.title);
        frame.vertical(&mut svg, &powers(most.max(10)), &self.count_name);
        let unit = (frame.x.to - frame.x.from) / (x.1 - x.0);
        for (width, count) in self.bins.iter().filter(|bin| bin.1 > 0) {
            let y = frame.y.at(height(*count));
            let bar = [frame.x.at(f64::from(*width)) - unit * 0.4, y, unit * 0.8, bottom - y];
            svg.rect("over", bar, &format!("{width} bits: {}", grouped(*count)));
        }
        frame.horizontal(&mut svg, "accumulator width, bits");
        for (row, mark) in self.marks.iter().enumerate() {
            self.point(&mut svg, &frame, row, mark);
        }
        Chart::new(svg)
    }

    fn point(&self, svg: &mut Svg, frame: &Frame, row: usize, mark: &Mark) {
        let x = frame.x.at(f64::from(mark.width));
        let y = 12.0 + MARK_ROW * row as f64;
        let text = &mark.label;
        svg.path(
            &format!("mark-line s{row} dash{row}"),
            &format!("M{x:.1} {y:.1}V{:.1}", frame.y.from),
            text,
        );
        let half = (frame.x.from + frame.x.to) / 2.0;
        let (class, x) = if x < half { ("label halo", x + 6.0) } else { ("label halo end", x - 6.0) };
        svg.text(class, (x, y + 2.0), text);
    }
}

/// 0 for none, 1 for one, and one more for each factor of ten.
fn height(count: u64) -> f64 {
    if count == 0 { 0.0 } else { (count as f64).log10() + 1.0 }
}

/// A tick for none, one, ten and so on.
fn powers(most: u64) -> Vec<(f64, String)> {
    let powers = (0..20).map_while(|p| 10_u64.checked_pow(p)).take_while(|p| *p <= most);
    let step = if most >= 100_000_000 { 3 } else { 1 };
    let ticks = powers.enumerate().filter(|(at, _)| at % step == 0).map(|(_, p)| (height(p), short(p)));
    std::iter::once((0.0, "0".to_string())).chain(ticks).collect()
}
